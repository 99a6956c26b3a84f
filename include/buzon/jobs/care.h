// jobs/care.h - properties of job kinds.
#pragma once

#include <cstdint>

namespace buzon::jobs {

// What may happen to a job if its worker dies or its answer is no longer wanted (worker/pool.h).
enum class Care : std::uint8_t {
    look,   // read-only or idempotent: may be repeated or dropped
    change, // may be half done after a crash: never repeated, never dropped
    ensure, // idempotent, but never dropped
};

// The answer of jobs that report only success or an error.
struct Nothing {
    static void fields(auto&, auto&&) {}
};

} // namespace buzon::jobs
