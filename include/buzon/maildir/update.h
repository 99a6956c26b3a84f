// maildir/update.h - carries out the UPDATE state on disk: removes deleted messages and moves retrieved ones from new
// to cur. Blocks on disk I/O: runs in a worker.
#pragma once

#include "buzon/message/update_request.h"

namespace buzon::maildir {

struct UpdateOptions {
    bool fsync = true; // false: the kernel decides when to write (--no-fsync)
};

// If there is more to do than one removal, everything is first written to a journal and synced; after a crash at any
// point, scan() completes the update. On a full file system the index, which is only a cache, is removed to make room
// for the journal. If it still cannot be written, the update goes on without one, because removing messages frees
// space.
//
// Does as much as possible: a message that cannot be removed does not affect the others. On return everything reported
// is on disk (unless !fsync); if syncing fails, the messages count as failed.
[[nodiscard]] message::UpdateOutcome update(const message::PackedUpdate& request, const UpdateOptions& options = {});

} // namespace buzon::maildir
