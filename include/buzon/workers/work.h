// workers/work.h - what a worker process does: the jobs of jobs/jobs.h. It may wait.
#pragma once

#include "buzon/worker/serve.h"

namespace buzon::workers {

[[nodiscard]] int worker_main();
[[nodiscard]] worker::Reply work(worker::Request request);

} // namespace buzon::workers
