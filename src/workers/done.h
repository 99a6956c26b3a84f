// workers/done.h - what has become of a job.
#pragma once

#include <system_error>

#include "buzon/posix/unique_fd.h"

namespace buzon::workers {

// The result of a job: an error or an answer, and possibly a descriptor.
template <class Job>
struct Done {
    std::error_code why;
    typename Job::Answer answer;
    posix::UniqueFd fd;
};

} // namespace buzon::workers
