#include "scarce_memory.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace buzon::scarce {
namespace {

thread_local bool poor = false;
std::atomic<bool> armed{false};
std::atomic<std::uint64_t> counted{0}, first_to_fail{0}, last_to_fail{0};
std::atomic<bool> has_struck{false};

bool fails() noexcept {
    if (!poor || !armed.load()) return false;
    const std::uint64_t number = counted.fetch_add(1);
    if (number < first_to_fail.load() || number > last_to_fail.load()) return false;
    has_struck.store(true);
    return true;
}

} // namespace

void this_thread_is_poor() noexcept {
    poor = true;
}

void fail(std::uint64_t first, std::uint64_t count) noexcept {
    armed.store(false);
    has_struck.store(false);
    counted.store(0);
    first_to_fail.store(first);
    last_to_fail.store(count > for_ever - first ? for_ever : first + count - 1);
    armed.store(true);
}

void plenty() noexcept {
    armed.store(false);
}

bool struck() noexcept {
    return has_struck.load();
}

void* allocate(std::size_t size) {
    if (!fails())
        if (void* const room = std::malloc(size == 0 ? 1 : size)) return room;
    throw std::bad_alloc{};
}

} // namespace buzon::scarce

void* operator new(std::size_t size) {
    return buzon::scarce::allocate(size);
}
void* operator new[](std::size_t size) {
    return buzon::scarce::allocate(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return buzon::scarce::fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return operator new(size, std::nothrow);
}
void operator delete(void* room) noexcept {
    std::free(room);
}
void operator delete[](void* room) noexcept {
    std::free(room);
}
void operator delete(void* room, std::size_t) noexcept {
    std::free(room);
}
void operator delete[](void* room, std::size_t) noexcept {
    std::free(room);
}
