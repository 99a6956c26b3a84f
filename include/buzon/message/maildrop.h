// message/maildrop.h - one session's view of a maildrop: numbers, sizes, delete marks. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "buzon/message/snapshot.h"

namespace buzon::message {

// Message numbers as clients see them: from 1, in the order of the snapshot, constant during the session.
enum class MessageNumber : std::uint32_t {};

// Shares the snapshot with other sessions; the marks and counters belong to this session. Costs only a few pointers
// until a message is marked; then the marks take one bit per message. Passing a number for which exists() is false is a
// bug in the caller.
class Maildrop {
public:
    explicit Maildrop(std::shared_ptr<const Snapshot> snapshot) noexcept : snapshot_{std::move(snapshot)} {}

    [[nodiscard]] const Snapshot& snapshot() const noexcept { return *snapshot_; }
    [[nodiscard]] const std::shared_ptr<const Snapshot>& shared_snapshot() const noexcept { return snapshot_; }
    // The message's index in the snapshot.
    [[nodiscard]] static std::uint32_t index(MessageNumber number) noexcept {
        return static_cast<std::uint32_t>(number) - 1;
    }

    // From 1 to the number of messages at login, including deleted ones.
    [[nodiscard]] bool exists(MessageNumber number) const noexcept;
    [[nodiscard]] std::uint32_t count() const noexcept { return snapshot_->count(); }
    // For LIST and STAT: the octets that a client receives without a transformation.
    [[nodiscard]] std::uint64_t octets(MessageNumber number) const noexcept { return snapshot_->octets(index(number)); }
    [[nodiscard]] std::string_view uidl(MessageNumber number) const noexcept { return snapshot_->uidl(index(number)); }

    // Excludes deleted messages, for STAT. O(1).
    [[nodiscard]] std::uint32_t live_count() const noexcept { return count() - deleted_count(); }
    [[nodiscard]] std::uint64_t live_octets() const noexcept {
        return snapshot_->total_octets() - own().deleted_octets;
    }
    [[nodiscard]] std::uint32_t deleted_count() const noexcept { return own().deleted_count; }

    [[nodiscard]] bool deleted(MessageNumber number) const noexcept;
    void mark_deleted(MessageNumber number); // DELE; repeating it does no harm
    void reset();                            // RSET: undeletes all messages; retrieved marks remain

    [[nodiscard]] bool retrieved(MessageNumber number) const noexcept;
    void mark_retrieved(MessageNumber number);

    // The first message after `after` that is not deleted, for LIST and UIDL in pieces. Begin with MessageNumber{0}.
    [[nodiscard]] std::optional<MessageNumber> next_live(MessageNumber after) const noexcept;
    // The first message after `after` that was deleted or retrieved. Skips 64 unmarked messages at a time.
    [[nodiscard]] std::optional<MessageNumber> next_marked(MessageNumber after) const noexcept;
    // The number of messages that QUIT has to remove, or to move from new to cur. O(1).
    [[nodiscard]] std::uint32_t update_count() const noexcept {
        return own().deleted_count + own().retrieved_in_new - own().deleted_of_those;
    }
    [[nodiscard]] bool wants_update() const noexcept { return update_count() != 0; }

private:
    using Bits = std::unique_ptr<std::uint64_t[]>;
    struct Own {
        Bits deleted;
        Bits retrieved;
        std::uint64_t deleted_octets = 0;
        std::uint32_t deleted_count = 0;
        std::uint32_t retrieved_in_new = 0; // retrieved messages that are in new
        std::uint32_t deleted_of_those = 0;
    };
    static const Own nothing;
    [[nodiscard]] const Own& own() const noexcept { return own_ ? *own_ : nothing; }
    [[nodiscard]] Own& make_own();
    [[nodiscard]] static bool marked(const Bits& bits, MessageNumber number) noexcept;
    [[nodiscard]] Bits& ready(Bits& bits) const;
    [[nodiscard]] bool retrieved_in_new(MessageNumber number) const noexcept;
    // The first message after `after` whose bit is set in the word returned by `word`.
    template <class Word>
    [[nodiscard]] std::optional<MessageNumber> next(MessageNumber after, Word word) const noexcept;

    std::shared_ptr<const Snapshot> snapshot_;
    std::unique_ptr<Own> own_; // null: nothing has been marked
};

} // namespace buzon::message
