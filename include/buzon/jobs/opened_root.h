// jobs/opened_root.h - the answer to OpenRoot, including its lock files.
#pragma once

#include <string>

#include "buzon/local/opened_root.h"
#include "buzon/posix/result.h"
#include "buzon/worker/pool.h"

namespace buzon::jobs {

struct RootAnswer {
    posix::Result<local::OpenedRoot> opened;
    std::string trouble; // why it failed, including the path
};
// `path`: the mail root that was requested.
[[nodiscard]] RootAnswer read_opened_root(worker::Answer answer, const std::string& path);

} // namespace buzon::jobs
