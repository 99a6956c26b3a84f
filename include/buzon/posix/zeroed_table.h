// posix/zeroed_table.h - a large table that takes memory only where it is used.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace buzon::posix {

// A fixed number of elements whose octets are all zero at first, which must be a valid value. The kernel provides each
// page when it is first written to. Throws std::bad_alloc.
template <class T>
class ZeroedTable {
    static_assert(std::is_trivially_copyable_v<T>); // nothing is constructed or destroyed

public:
    explicit ZeroedTable(std::size_t size)
        : elements_{static_cast<T*>(std::calloc(size > 0 ? size : 1, sizeof(T)))}, size_{size} {
        if (!elements_) throw std::bad_alloc{};
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T* data() noexcept { return elements_.get(); }
    [[nodiscard]] const T* data() const noexcept { return elements_.get(); }
    [[nodiscard]] const T* begin() const noexcept { return data(); }
    [[nodiscard]] const T* end() const noexcept { return data() + size_; }

private:
    struct Free {
        void operator()(T* elements) const noexcept { std::free(elements); }
    };
    std::unique_ptr<T[], Free> elements_;
    std::size_t size_;
};

} // namespace buzon::posix
