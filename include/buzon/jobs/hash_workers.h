// jobs/hash_workers.h - the workers that can read secrets. Those for slow hashes run at low priority; a plain password
// or a digest must not wait for them.
#pragma once

#include "buzon/worker/pool.h"

namespace buzon::jobs {

struct HashWorkers {
    worker::Pool& slow;
    worker::Pool& quick;

    [[nodiscard]] worker::Pool& of(bool slow_secret) const noexcept { return slow_secret ? slow : quick; }
};

} // namespace buzon::jobs
