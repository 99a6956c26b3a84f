// message/update_request.h - the changes that QUIT makes to a maildrop, and their result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/message/maildrop.h"
#include "buzon/posix/result.h"

namespace buzon::message {

enum class UpdateAction : std::uint8_t { remove, mark_seen }; // mark_seen: new -> cur with S; no effect in cur

// The changes requested by a session that ends with QUIT: remove its deleted messages, and move the other retrieved
// ones from new to cur. A view of octets owned by the caller (about 20 plus the name for each message), so that a
// million messages need no additional memory.
class PackedUpdate {
public:
    struct Item {
        std::string_view file_name;
        bool in_new = false;
        UpdateAction action = UpdateAction::remove;
        std::uint64_t inode = 0; // see open_message()
    };

    // Validates all of it. EBADMSG.
    [[nodiscard]] static posix::Result<PackedUpdate> from_bytes(std::string_view bytes);
    // The same for the output of placeless().
    [[nodiscard]] static posix::Result<PackedUpdate> from_placeless(std::string_view bytes);

    [[nodiscard]] std::string_view maildir() const noexcept { return maildir_; } // empty if placeless
    // If not 0, removed messages go to the trash (trash.h), with this Unix time of deletion.
    [[nodiscard]] std::int64_t keep_since() const noexcept { return keep_since_; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint32_t removals() const noexcept { return removals_; }
    // Everything except the Maildir: for a journal, which is moved together with its Maildir.
    [[nodiscard]] std::string_view placeless() const noexcept { return placeless_; }

    // Returns the items one by one; begin with where = {}.
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

// Builds the octets of a PackedUpdate piece by piece, so that the caller can serve others in between. Until it is done,
// the marks of the maildrop must not change.
class UpdateSlices {
public:
    UpdateSlices(const Maildrop& maildrop, std::string_view maildir, std::int64_t keep_since);

    // Returns the next piece, for at most `messages` messages.
    [[nodiscard]] std::string next(std::uint32_t messages);
    [[nodiscard]] bool done() const noexcept { return head_.empty() && !at_; }

private:
    const Maildrop& maildrop_;
    std::string head_;                // empty once it has been returned
    std::optional<MessageNumber> at_; // the next message
};

struct UpdateOutcome {
    std::uint32_t removed = 0; // by this update
    std::uint32_t gone = 0;    // deleted messages that another session or program had already removed
    std::uint32_t failed = 0;  // deleted messages that still exist
    std::uint32_t moved = 0; // new -> cur; a message that could not be moved stays in new and does not count as failed
    std::error_code first_error; // why the first of `failed` failed

    static void fields(auto& self, auto&& each) {
        each(self.removed, self.gone, self.failed, self.moved, self.first_error);
    }
};

} // namespace buzon::message
