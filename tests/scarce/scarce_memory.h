// scarce/scarce_memory.h - allocations that fail on demand: this test program replaces the C++ library's operator new.
#pragma once

#include <cstdint>

namespace buzon::scarce {

constexpr std::uint64_t for_ever = UINT64_MAX;

// From now on, allocations of the calling thread are counted and may fail. Those of other threads never fail.
void this_thread_is_poor() noexcept;
// From now on, `count` allocations fail, beginning with number `first` (from 0).
void fail(std::uint64_t first, std::uint64_t count) noexcept;
void plenty() noexcept;
// Whether an allocation has failed since fail().
[[nodiscard]] bool struck() noexcept;

} // namespace buzon::scarce
