// workers/work.h - what a worker process does: carries out the jobs of jobs/jobs.h. May block.
#pragma once

#include "buzon/worker/serve.h"

namespace buzon::workers {

[[nodiscard]] int worker_main();
[[nodiscard]] worker::Reply work(worker::Request request);

} // namespace buzon::workers
