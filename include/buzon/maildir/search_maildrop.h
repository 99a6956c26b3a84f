// maildir/search_maildrop.h - reads the headers for a SEARCH, one slice of the maildrop at a time. Waits for disks:
// runs in a worker.
#pragma once

#include <cstdint>
#include <vector>

#include "buzon/message/search_request.h"
#include "buzon/posix/result.h"

namespace buzon::maildir {

// The numbers that match, ascending. Messages that are gone or cannot be read do not match; of a header no more than
// 256 KiB is looked at. EINVAL for criteria that cannot be parsed.
[[nodiscard]] posix::Result<std::vector<std::uint32_t>> search(const message::SearchRequest& request);

} // namespace buzon::maildir
