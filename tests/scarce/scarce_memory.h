// scarce/scarce_memory.h - allocations that fail on demand: this test program's own operator new stands before the C++
// library's.
#pragma once

#include <cstdint>

namespace buzon::scarce {

constexpr std::uint64_t for_ever = UINT64_MAX;

// Allocations of the calling thread are counted from now on, and may fail. Others never do.
void this_thread_is_poor() noexcept;
// From now on, the `first` allocation (from 0) fails, and as many as `count` in all.
void fail(std::uint64_t first, std::uint64_t count) noexcept;
void plenty() noexcept;
// Whether one has failed since fail().
[[nodiscard]] bool struck() noexcept;

} // namespace buzon::scarce
