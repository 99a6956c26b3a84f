// mail/update.h - the UPDATE state on disk: removes what was deleted, moves what was retrieved from new to cur. Waits
// for disks: runs in a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/mail/maildrop.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::mail {

struct UpdateRequest {
    enum class Action : std::uint8_t { remove, mark_seen };   // mark_seen: new -> cur with S; nothing when in cur
    struct Item {
        std::string file_name;
        bool in_new = false;
        Action action = Action::remove;
        std::uint64_t inode = 0;   // as in open_message
    };

    std::string maildir;
    std::vector<Item> items;
    std::int64_t keep_since = 0;   // not 0: removed messages go to the trash (trash.h), as deleted at this Unix time

    // What a session that ends with QUIT asks for: its deleted messages removed, of the others the retrieved ones
    // moved from new to cur. UpdateSlices gives the same without holding anybody up.
    [[nodiscard]] static UpdateRequest of(const Maildrop& maildrop, std::string maildir);

    [[nodiscard]] std::string to_bytes() const;   // some 20 octets a message and its name
    [[nodiscard]] static posix::Result<UpdateRequest> from_bytes(std::string_view bytes);   // EBADMSG
};

// The octets of UpdateRequest::of(), made piece by piece: whoever has others to serve serves them in between. The
// maildrop's marks must stay as they are meanwhile.
class UpdateSlices {
public:
    UpdateSlices(const Maildrop& maildrop, std::string_view maildir, std::int64_t keep_since);

    // What comes next, of `messages` messages at most.
    [[nodiscard]] std::string next(std::uint32_t messages);
    [[nodiscard]] bool done() const noexcept { return head_.empty() && !at_; }

private:
    const Maildrop& maildrop_;
    std::string head_;   // until it has been given
    std::optional<MessageNumber> at_;   // comes next
};

struct UpdateOptions {
    bool fsync = true;   // false: the kernel writes when it likes (--no-fsync)
};

struct UpdateOutcome {
    std::uint32_t removed = 0;        // also those that were gone already
    std::uint32_t failed = 0;         // deleted messages that are still there
    std::uint32_t moved = 0;          // new -> cur; one that could not be moved stays in new and is no failure
    std::error_code first_error;      // why the first of `failed` failed

    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<UpdateOutcome> from_bytes(std::string_view bytes);   // EBADMSG
};

// A removal that is not all there is to do is first written down in a journal and synced, with the rest; after a crash at
// any point scan() ends what was begun. On a full file system the index, which is only a cache, makes room for the
// journal; where none can be written all the same (removing is what helps) it goes on without.
//
// Does all it can: one message that cannot be removed does not keep the others. On return all that is reported has
// reached the disk (unless !fsync); when that cannot be had, the messages count as failed.
[[nodiscard]] UpdateOutcome update(const UpdateRequest& request, const UpdateOptions& options = {});

} // namespace buzon::mail
