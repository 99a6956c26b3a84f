// message/update_request.h - what QUIT asks of a maildrop, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/message/maildrop.h"
#include "buzon/posix/result.h"

namespace buzon::message {

enum class UpdateAction : std::uint8_t { remove, mark_seen }; // mark_seen: new -> cur with S; nothing when in cur

// What a session that ends with QUIT asks for: its deleted messages removed, of the others the retrieved ones moved
// from new to cur. Points into octets that somebody else keeps, some 20 a message and its name, so that a million
// messages cost no more than those.
class PackedUpdate {
public:
    struct Item {
        std::string_view file_name;
        bool in_new = false;
        UpdateAction action = UpdateAction::remove;
        std::uint64_t inode = 0; // as in open_message
    };

    // Looks at all of it. EBADMSG.
    [[nodiscard]] static posix::Result<PackedUpdate> from_bytes(std::string_view bytes);
    // The same for what placeless() gave.
    [[nodiscard]] static posix::Result<PackedUpdate> from_placeless(std::string_view bytes);

    [[nodiscard]] std::string_view maildir() const noexcept { return maildir_; } // empty in a placeless one
    // Not 0: removed messages go to the trash (trash.h), as deleted at this Unix time.
    [[nodiscard]] std::int64_t keep_since() const noexcept { return keep_since_; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint32_t removals() const noexcept { return removals_; }
    // All of it but the maildir: for a journal, which is moved with its Maildir.
    [[nodiscard]] std::string_view placeless() const noexcept { return placeless_; }

    // The items one after the other; begin with where = {}.
    struct Where {
        std::uint32_t number = 0;
        std::size_t at = 0;
    };
    [[nodiscard]] std::optional<Item> next(Where& where) const;

private:
    std::string_view maildir_;
    std::string_view placeless_;
    std::string_view items_;
    std::int64_t keep_since_ = 0;
    std::uint32_t count_ = 0;
    std::uint32_t removals_ = 0;
};

// The octets of a PackedUpdate, made piece by piece: whoever has others to serve serves them in between. The maildrop's
// marks must stay as they are meanwhile.
class UpdateSlices {
public:
    UpdateSlices(const Maildrop& maildrop, std::string_view maildir, std::int64_t keep_since);

    // What comes next, of `messages` messages at most.
    [[nodiscard]] std::string next(std::uint32_t messages);
    [[nodiscard]] bool done() const noexcept { return head_.empty() && !at_; }

private:
    const Maildrop& maildrop_;
    std::string head_;                // until it has been given
    std::optional<MessageNumber> at_; // comes next
};

struct UpdateOutcome {
    std::uint32_t removed = 0;   // by this update
    std::uint32_t gone = 0;      // deleted messages that somebody else had removed already
    std::uint32_t failed = 0;    // deleted messages that are still there
    std::uint32_t moved = 0;     // new -> cur; one that could not be moved stays in new and is no failure
    std::error_code first_error; // why the first of `failed` failed

    static void fields(auto& self, auto&& each) {
        each(self.removed, self.gone, self.failed, self.moved, self.first_error);
    }
};

} // namespace buzon::message
