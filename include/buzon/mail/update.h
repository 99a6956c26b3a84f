// mail/update.h - the UPDATE state on disk: removes what was deleted, moves what was retrieved from new to cur. Waits
// for disks: runs in a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/mail/maildrop.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::mail {

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

struct UpdateOptions {
    bool fsync = true; // false: the kernel writes when it likes (--no-fsync)
};

struct UpdateOutcome {
    std::uint32_t removed = 0;   // by this update
    std::uint32_t gone = 0;      // deleted messages that somebody else had removed already
    std::uint32_t failed = 0;    // deleted messages that are still there
    std::uint32_t moved = 0;     // new -> cur; one that could not be moved stays in new and is no failure
    std::error_code first_error; // why the first of `failed` failed

    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<UpdateOutcome> from_bytes(std::string_view bytes); // EBADMSG
};

// A removal that is not all there is to do is first written down in a journal and synced, with the rest; after a crash
// at any point scan() ends what was begun. On a full file system the index, which is only a cache, makes room for the
// journal; where none can be written all the same (removing is what helps) it goes on without.
//
// Does all it can: one message that cannot be removed does not keep the others. On return all that is reported has
// reached the disk (unless !fsync); when that cannot be had, the messages count as failed.
[[nodiscard]] UpdateOutcome update(const PackedUpdate& request, const UpdateOptions& options = {});

} // namespace buzon::mail
