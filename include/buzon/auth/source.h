// auth/source.h - where a login comes from: an IP address in canonical form. Knows no sockets.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// An IPv4 address is stored in its IPv4-mapped IPv6 form (::ffff:a.b.c.d), so that both forms are one source.
class Source {
public:
    using Octets = std::array<unsigned char, 16>;

    explicit Source(const Octets& octets) noexcept : octets_{octets} {}
    // As for inet_pton(3): IPv4 or IPv6, without port, zone or brackets.
    [[nodiscard]] static std::optional<Source> parse(std::string_view text);

    [[nodiscard]] const Octets& octets() const noexcept { return octets_; }
    [[nodiscard]] bool is_ipv4() const noexcept;

    // What one guesser is assumed to control: the address for IPv4, its /64 for IPv6.
    [[nodiscard]] Source prefix() const noexcept;

    friend auto operator<=>(const Source&, const Source&) = default;

private:
    Octets octets_;
};

} // namespace buzon::auth
