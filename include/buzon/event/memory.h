// event/memory.h - gives up a piece of work that runs out of memory. Knows nothing about the work.
#pragma once

#include <new>
#include <stdexcept>

namespace buzon::event {

// Runs `work`. If an allocation in it fails, or something would exceed its greatest possible length, calls `give_up`
// instead of letting the exception end the program. Any other exception is a bug and propagates.
template <class Work, class GiveUp>
void guarded(Work&& work, GiveUp&& give_up) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    give_up(); // not inside the catch blocks: a live exception takes memory, too
}

} // namespace buzon::event
