// workers/own_files.h - what a worker for the operator's files may be asked about. Its keeper says so when it starts
// it: whoever has taken over the reactor could name any file.
#pragma once

#include <string>

#include "buzon/config/options.h"
#include "buzon/jobs/jobs.h"
#include "buzon/workers/work.h"

namespace buzon::workers {

// An error where the job is about another file, or would write what SAVE never writes. `now`: the options, read again.
// Without a Desk (in tests), everything is allowed.
[[nodiscard]] std::error_code fault_of(const jobs::Edit& job, const Desk* desk);
[[nodiscard]] std::error_code fault_of(const jobs::Store& job, const Desk* desk);
[[nodiscard]] std::error_code fault_of(const jobs::Watch& job, const Desk* desk);
[[nodiscard]] std::error_code fault_of(const jobs::OpenLog& job, const Desk* desk);

} // namespace buzon::workers
