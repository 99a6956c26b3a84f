// workers/messages.h - the jobs that open and read messages.
#pragma once

#include "buzon/jobs/jobs.h"
#include "done.h"

namespace buzon::workers {

[[nodiscard]] Done<jobs::Open> work_on(const jobs::Open& job, int);
[[nodiscard]] Done<jobs::OpenAhead> work_on(const jobs::OpenAhead& job, int);
[[nodiscard]] Done<jobs::Read> work_on(const jobs::Read& job, int file);
[[nodiscard]] Done<jobs::ReadMessage> work_on(const jobs::ReadMessage& job, int);
[[nodiscard]] Done<jobs::CopyMessage> work_on(const jobs::CopyMessage& job, int);

} // namespace buzon::workers
