// jobs/care.h - properties of job kinds.
#pragma once

#include <cstdint>

namespace buzon::jobs {

// What happens to a job if its worker dies or nobody waits for the answer any more (worker/pool.h).
enum class Care : std::uint8_t {
    look,   // read-only or idempotent: may be repeated or dropped
    change, // may have been half done: never repeated, never dropped
    ensure, // idempotent, but never dropped
};

// The answer of jobs that report only success or an error.
struct Nothing {
    static void fields(auto&, auto&&) {}
};

} // namespace buzon::jobs
