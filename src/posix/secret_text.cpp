#include "buzon/posix/secret_text.h"

#include <cstring>
#include <utility>

namespace buzon::posix {

void wipe(void* octets, std::size_t size) noexcept {
    ::explicit_bzero(octets, size);
}

void wipe(std::string& text) noexcept {
    wipe(text.data(), text.capacity());
    text.clear();
}

void wipe(std::string_view taken) noexcept {
    if (!taken.empty()) wipe(const_cast<char*>(taken.data()), taken.size());
}

[[gnu::noinline]] void wipe_stack() noexcept {
    char below[16 * 1024];
    wipe(below, sizeof below);
}

SecretText::SecretText(std::string_view text) : octets_{new char[text.size()]}, size_{text.size()} {
    if (!text.empty()) std::memcpy(octets_.get(), text.data(), text.size());
}

SecretText::SecretText(SecretText&& other) noexcept
    : octets_{std::move(other.octets_)}, size_{std::exchange(other.size_, 0)} {}

SecretText& SecretText::operator=(SecretText other) noexcept {
    std::swap(octets_, other.octets_);
    std::swap(size_, other.size_);
    return *this;
}

SecretText::~SecretText() {
    if (octets_) wipe(octets_.get(), size_);
}

} // namespace buzon::posix
