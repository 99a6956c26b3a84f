// workers/own_files.h - which files a worker for the operator's files may be asked about. The keeper tells it so at its
// start: if the reactor has been taken over, it could name any file.
#pragma once

#include <string>

#include "buzon/config/options.h"
#include "buzon/jobs/jobs.h"
#include "buzon/workers/work.h"

namespace buzon::workers {

// An error if the job is about another file, or would write what SAVE never writes. Without a Desk, everything is
// allowed.
[[nodiscard]] std::error_code fault_of(const jobs::Edit& job, const Desk* desk);
[[nodiscard]] std::error_code fault_of(const jobs::Store& job, const Desk* desk);
[[nodiscard]] std::error_code fault_of(const jobs::Watch& job, const Desk* desk);
[[nodiscard]] std::error_code fault_of(const jobs::OpenLog& job, const Desk* desk);

} // namespace buzon::workers
