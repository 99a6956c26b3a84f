// maildir/update.h - the UPDATE state on disk: removes what was deleted, moves what was retrieved from new to cur.
// Waits for disks: runs in a worker.
#pragma once

#include "buzon/message/update_request.h"

namespace buzon::maildir {

struct UpdateOptions {
    bool fsync = true; // false: the kernel writes when it likes (--no-fsync)
};

// A removal that is not all there is to do is first written down in a journal and synced, with the rest; after a crash
// at any point scan() ends what was begun. On a full file system the index, which is only a cache, makes room for the
// journal; where none can be written all the same (removing is what helps) it goes on without.
//
// Does all it can: one message that cannot be removed does not keep the others. On return all that is reported has
// reached the disk (unless !fsync); when that cannot be had, the messages count as failed.
[[nodiscard]] message::UpdateOutcome update(const message::PackedUpdate& request, const UpdateOptions& options = {});

} // namespace buzon::maildir
