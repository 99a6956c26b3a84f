// maildir/search_maildrop.h - reads headers for SEARCH, one slice of the maildrop at a time. Blocks on disk I/O: runs
// in a worker.
#pragma once

#include <cstdint>
#include <vector>

#include "buzon/message/search_request.h"
#include "buzon/posix/result.h"

namespace buzon::maildir {

// Returns the numbers of the matching messages, ascending. Messages that are gone or unreadable do not match; at most
// 256 KiB of a header are examined. EINVAL for invalid criteria.
[[nodiscard]] posix::Result<std::vector<std::uint32_t>> search(const message::SearchRequest& request);

} // namespace buzon::maildir
