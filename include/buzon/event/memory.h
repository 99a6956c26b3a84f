// event/memory.h - what is left of a piece of work that found no memory. Knows no work.
#pragma once

#include <new>
#include <stdexcept>

namespace buzon::event {

// Does `work`; where an allocation fails in it, or something would be longer than can be, it is given up and
// `give_up` is called instead of letting that end the program. Anything else thrown is a bug and passes.
template <class Work, class GiveUp>
void guarded(Work&& work, GiveUp&& give_up) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    give_up(); // not while the exception lives: that takes memory, too
}

} // namespace buzon::event
