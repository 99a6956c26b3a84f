// message/large.h - memory for very many messages. Private to message/ and maildir/.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace buzon::message {

// Tells the kernel that all of this untouched memory will be used, so that it can use huge pages: one fault instead of
// 512. Otherwise a scan of a million messages spends a third of its time in page faults. If the kernel refuses, nothing
// changes.
inline void all_will_be_used(void* begin, std::size_t octets) noexcept {
    constexpr std::uintptr_t huge = std::uintptr_t{2} << 20;
    if (octets < 2 * huge) return;
    const auto at = reinterpret_cast<std::uintptr_t>(begin);
    const std::uintptr_t first = (at + huge - 1) / huge * huge, end = (at + octets) / huge * huge;
    ::madvise(static_cast<char*>(begin) + (first - at), end - first, MADV_HUGEPAGE);
}

// Like reserve(), for an empty vector or string.
template <class Container>
void reserve_all(Container& container, std::size_t size) {
    container.reserve(size);
    all_will_be_used(container.data(), size * sizeof(*container.data()));
}

} // namespace buzon::message
