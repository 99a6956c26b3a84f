#include "buzon/filter/held_output.h"

#include <algorithm>
#include <utility>

namespace buzon::filter {
namespace {
// Most messages are small: a hundred held outputs should not take a hundred times the limit.
constexpr std::size_t first_room = 8 * 1024;
} // namespace

std::span<char> HeldOutput::room() {
    // One octet more than the limit: when it arrives, holding ends.
    if (size_ == octets_.size()) octets_.resize(std::min(limit_ + 1, std::max(first_room, size_ * 2)));
    return {octets_.data() + size_, octets_.size() - size_};
}

void HeldOutput::filled(std::size_t octets) noexcept {
    size_ += octets;
}

std::string HeldOutput::take() {
    octets_.resize(size_);
    return std::exchange(octets_, {});
}

} // namespace buzon::filter
