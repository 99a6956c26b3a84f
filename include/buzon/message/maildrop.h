// message/maildrop.h - one session's view of a maildrop: numbers, sizes, delete marks. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "buzon/message/snapshot.h"

namespace buzon::message {

// As the client counts: from 1, in order of delivery, never renumbered during the session.
enum class MessageNumber : std::uint32_t {};

// The snapshot is shared with other sessions; marks and counters are this one's. Idle it costs a few pointers: the
// marks (one bit a message) and what is counted of them are there only once something was marked. A number must
// exists(), or it is a bug of the caller's.
class Maildrop {
public:
    explicit Maildrop(std::shared_ptr<const Snapshot> snapshot) noexcept : snapshot_{std::move(snapshot)} {}

    [[nodiscard]] const Snapshot& snapshot() const noexcept { return *snapshot_; }
    [[nodiscard]] const std::shared_ptr<const Snapshot>& shared_snapshot() const noexcept { return snapshot_; }
    // The message's place in the snapshot.
    [[nodiscard]] static std::uint32_t index(MessageNumber number) noexcept {
        return static_cast<std::uint32_t>(number) - 1;
    }

    // 1 to the number of messages at login, deleted ones too.
    [[nodiscard]] bool exists(MessageNumber number) const noexcept;
    [[nodiscard]] std::uint32_t count() const noexcept { return snapshot_->count(); }
    // For LIST and STAT: what a client receives without a transformation.
    [[nodiscard]] std::uint64_t octets(MessageNumber number) const noexcept { return snapshot_->octets(index(number)); }
    [[nodiscard]] std::string_view uidl(MessageNumber number) const noexcept { return snapshot_->uidl(index(number)); }

    // Without the deleted ones: STAT. O(1).
    [[nodiscard]] std::uint32_t live_count() const noexcept { return count() - deleted_count(); }
    [[nodiscard]] std::uint64_t live_octets() const noexcept {
        return snapshot_->total_octets() - own().deleted_octets;
    }
    [[nodiscard]] std::uint32_t deleted_count() const noexcept { return own().deleted_count; }

    [[nodiscard]] bool deleted(MessageNumber number) const noexcept;
    void mark_deleted(MessageNumber number); // DELE; again is harmless
    void reset();                            // RSET: no message is deleted; retrieved ones stay so

    [[nodiscard]] bool retrieved(MessageNumber number) const noexcept;
    void mark_retrieved(MessageNumber number);

    // The first live message after `after`, for LIST and UIDL in pieces: begin with MessageNumber{0}.
    [[nodiscard]] std::optional<MessageNumber> next_live(MessageNumber after) const noexcept;
    // The first one after `after` that was deleted or retrieved. Stretches without any cost nothing.
    [[nodiscard]] std::optional<MessageNumber> next_marked(MessageNumber after) const noexcept;
    // How many messages QUIT has to remove, or to move from new to cur. O(1).
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
        std::uint32_t retrieved_in_new = 0; // retrieved ones that lie in new
        std::uint32_t deleted_of_those = 0;
    };
    static const Own nothing;
    [[nodiscard]] const Own& own() const noexcept { return own_ ? *own_ : nothing; }
    [[nodiscard]] Own& make_own();
    [[nodiscard]] static bool marked(const Bits& bits, MessageNumber number) noexcept;
    [[nodiscard]] Bits& ready(Bits& bits) const;
    [[nodiscard]] bool retrieved_in_new(MessageNumber number) const noexcept;
    // The first one after `after` whose bit is set in its word, as `word` gives that.
    template <class Word>
    [[nodiscard]] std::optional<MessageNumber> next(MessageNumber after, Word word) const noexcept;

    std::shared_ptr<const Snapshot> snapshot_;
    std::unique_ptr<Own> own_; // null: nothing was marked
};

} // namespace buzon::message
