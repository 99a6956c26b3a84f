// net/address.h - IP addresses, networks and socket addresses, to and from text. No name lookups, no sockets.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::net {

// An IPv4 or IPv6 address. IPv4 is kept in its mapped form (::ffff:a.b.c.d), as a dual-stack socket reports it, so that
// both forms compare equal.
class Ip {
public:
    Ip() = default; // ::
    // "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; no brackets, no zone, no host names.
    [[nodiscard]] static std::optional<Ip> parse(std::string_view text);
    [[nodiscard]] static Ip from_bytes(const std::array<std::uint8_t, 16>& bytes) noexcept;
    [[nodiscard]] static Ip from_v4(std::uint32_t host_order) noexcept;

    [[nodiscard]] bool is_v4() const noexcept;
    [[nodiscard]] bool is_loopback() const noexcept; // 127.0.0.0/8, ::1
    [[nodiscard]] bool is_any() const noexcept;      // 0.0.0.0, ::
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Ip&, const Ip&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

struct IpHash {
    [[nodiscard]] std::size_t operator()(const Ip& ip) const noexcept;
};

// A network in CIDR notation: "10.0.0.0/8", "2001:db8::/32"; an address alone is a network of one address.
class Cidr {
public:
    // Bits after the prefix must be zero: "10.0.0.1/8" is most likely a mistake.
    [[nodiscard]] static std::optional<Cidr> parse(std::string_view text);
    [[nodiscard]] bool contains(const Ip& ip) const noexcept;

private:
    Ip base_;
    unsigned bits_ = 128; // of the mapped form: 96 more than an IPv4 prefix length
};

// An address and a port, as in bind(2) and accept(2).
struct Endpoint {
    Ip ip;
    std::uint16_t port = 0;
    std::uint32_t scope = 0; // of a link-local IPv6 address

    [[nodiscard]] static Endpoint from(const sockaddr_storage& address) noexcept; // AF_INET or AF_INET6
    // "192.0.2.1:110", "[2001:db8::1]:110"
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    [[nodiscard]] const sockaddr* get() const noexcept;
};

[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint);
// nullopt if the path is empty or too long for sun_path (107 octets).
[[nodiscard]] std::optional<SocketAddress> to_socket_address(std::string_view unix_path);

// "ADDR:PORT" with an IPv6 address in brackets: "127.0.0.1:9100", "[::1]:9100".
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);
// A decimal port, 0 to 65535, without a sign, blanks or leading zeros.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

} // namespace buzon::net
