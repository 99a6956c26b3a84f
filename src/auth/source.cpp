#include "buzon/auth/source.h"

#include <arpa/inet.h>

#include <algorithm>

namespace buzon::auth {
namespace {

constexpr std::array<unsigned char, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

} // namespace

std::optional<Source> Source::parse(std::string_view text) {
    if (text.find('\0') != text.npos) return std::nullopt;
    const std::string terminated{text};
    Octets octets{};
    if (::inet_pton(AF_INET6, terminated.c_str(), octets.data()) == 1) return Source{octets};
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), octets.begin());
    if (::inet_pton(AF_INET, terminated.c_str(), octets.data() + mapped_prefix.size()) == 1) return Source{octets};
    return std::nullopt;
}

bool Source::is_ipv4() const noexcept {
    return std::equal(mapped_prefix.begin(), mapped_prefix.end(), octets_.begin());
}

Source Source::prefix() const noexcept {
    Source prefix = *this;
    if (!is_ipv4()) std::fill(prefix.octets_.begin() + 8, prefix.octets_.end(), static_cast<unsigned char>(0));
    return prefix;
}

} // namespace buzon::auth
