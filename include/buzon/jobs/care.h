// jobs/care.h - what all kinds of jobs say of themselves.
#pragma once

#include <cstdint>

namespace buzon::jobs {

// What becomes of a job when its worker dies, or when nobody waits for it any more (worker/pool.h).
enum class Care : std::uint8_t {
    look,   // it only looks, or finds done what was done: it may be done twice, or not at all
    change, // it may have been half done: it is not begun again, but it is always ended
    ensure, // both: done twice if need be, and always ended
};

// Of work whose answer is an error, or none.
struct Nothing {
    static void fields(auto&, auto&&) {}
};

} // namespace buzon::jobs
