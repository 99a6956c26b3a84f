// workers/reading.h - the jobs that read the configuration and the users again.
#pragma once

#include "buzon/jobs/jobs.h"
#include "buzon/workers/work.h"
#include "done.h"

namespace buzon::workers {

// They tell the keeper what they have read before they answer: the reactor may ask for what that allows as soon as it
// has the answer.
[[nodiscard]] Done<jobs::ReadConfig> work_on(const jobs::ReadConfig&, int, const Desk* desk);
[[nodiscard]] Done<jobs::ReadPeople> work_on(const jobs::ReadPeople& job, int, const Desk* desk);

} // namespace buzon::workers
