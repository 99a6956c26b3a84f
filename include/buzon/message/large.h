// message/large.h - memory for very many messages. Private to mail/.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace buzon::message {

// Says of memory that has not been touched yet that all of it will be: the kernel may give it in huge pages, one fault
// for 512 of the small ones. A scan of a million messages spent a third of its time in faults. Where it may not,
// nothing changes.
inline void all_will_be_used(void* begin, std::size_t octets) noexcept {
    constexpr std::uintptr_t huge = std::uintptr_t{2} << 20;
    if (octets < 2 * huge) return;
    const auto at = reinterpret_cast<std::uintptr_t>(begin);
    const std::uintptr_t first = (at + huge - 1) / huge * huge, end = (at + octets) / huge * huge;
    ::madvise(static_cast<char*>(begin) + (first - at), end - first, MADV_HUGEPAGE);
}

// As reserve(), of an empty vector or string.
template <class Container>
void reserve_all(Container& container, std::size_t size) {
    container.reserve(size);
    all_will_be_used(container.data(), size * sizeof(*container.data()));
}

} // namespace buzon::message
