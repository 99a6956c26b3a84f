#include "buzon/net/address.h"

#include <arpa/inet.h>
#include <sys/random.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "buzon/line/number.h"

namespace buzon::net {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<unsigned> parse_decimal(std::string_view text, unsigned max) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    return line::parse_whole<unsigned>(text, 0, max);
}

} // namespace

std::optional<Ip> Ip::parse(std::string_view text) {
    char copy[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof copy || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::copy(text.begin(), text.end(), copy);
    copy[text.size()] = '\0';
    in_addr v4{};
    if (::inet_pton(AF_INET, copy, &v4) == 1) return from_v4(ntohl(v4.s_addr));
    Ip ip;
    if (::inet_pton(AF_INET6, copy, ip.bytes_.data()) == 1) return ip;
    return std::nullopt;
}

Ip Ip::from_bytes(const std::array<std::uint8_t, 16>& bytes) noexcept {
    Ip ip;
    ip.bytes_ = bytes;
    return ip;
}

Ip Ip::from_v4(std::uint32_t host_order) noexcept {
    Ip ip;
    std::copy(v4_prefix.begin(), v4_prefix.end(), ip.bytes_.begin());
    for (unsigned i = 0; i < 4; ++i) ip.bytes_[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return ip;
}

// Keyed, because anybody with an IPv6 network can choose from 2^64 addresses, and could choose ones that all fall into
// the same bucket.
std::size_t IpHash::operator()(const Ip& ip) const noexcept {
    static const std::array<std::uint64_t, 2> key = [] {
        std::array<std::uint64_t, 2> random{0x9e3779b97f4a7c15U, 0xc2b2ae3d27d4eb4fU}; // in case getrandom() fails
        (void)!::getrandom(random.data(), sizeof random, GRND_NONBLOCK);
        return random;
    }();
    std::array<std::uint64_t, 2> halves{};
    std::memcpy(halves.data(), ip.bytes().data(), sizeof halves);
    __extension__ using Product = unsigned __int128;
    const Product product = Product{halves[0] ^ key[0]} * (halves[1] ^ key[1]);
    return static_cast<std::size_t>(product ^ (product >> 64U));
}

bool Ip::is_v4() const noexcept {
    return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes_.begin());
}

bool Ip::is_loopback() const noexcept {
    if (is_v4()) return bytes_[12] == 127;
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) && bytes_[15] == 1;
}

bool Ip::is_any() const noexcept {
    return std::all_of(bytes_.begin() + (is_v4() ? 12 : 0), bytes_.end(), [](auto b) { return b == 0; });
}

std::string Ip::text() const {
    char room[INET6_ADDRSTRLEN];
    if (!is_v4()) return ::inet_ntop(AF_INET6, bytes_.data(), room, sizeof room);
    // Called for every session: inet_ntop(3) would take as long as the rest of its login event.
    char* end = room;
    for (std::size_t i = 12; i < 16; ++i) {
        if (i > 12) *end++ = '.';
        end = std::to_chars(end, std::end(room), bytes_[i]).ptr;
    }
    return {room, end};
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::optional<Ip> ip = Ip::parse(text.substr(0, slash));
    if (!ip) return std::nullopt;
    Cidr cidr;
    cidr.base_ = *ip;
    if (slash == std::string_view::npos) return cidr;
    const unsigned added = ip->is_v4() ? 96 : 0;
    const auto bits = parse_decimal(text.substr(slash + 1), 128 - added);
    if (!bits) return std::nullopt;
    cidr.bits_ = *bits + added;
    for (unsigned bit = cidr.bits_; bit < 128; ++bit) {
        if (ip->bytes()[bit / 8] & (0x80u >> (bit % 8))) return std::nullopt;
    }
    return cidr;
}

bool Cidr::contains(const Ip& ip) const noexcept {
    const unsigned whole = bits_ / 8;
    if (!std::equal(base_.bytes().begin(), base_.bytes().begin() + whole, ip.bytes().begin())) return false;
    const unsigned rest = bits_ % 8;
    if (rest == 0) return true;
    const unsigned mask = 0xffu << (8 - rest);
    return ((base_.bytes()[whole] ^ ip.bytes()[whole]) & mask & 0xffu) == 0;
}

Endpoint Endpoint::from(const sockaddr_storage& address) noexcept {
    Endpoint endpoint;
    if (address.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &address, sizeof v4);
        endpoint.ip = Ip::from_v4(ntohl(v4.sin_addr.s_addr));
        endpoint.port = ntohs(v4.sin_port);
    } else if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, &address, sizeof v6);
        std::array<std::uint8_t, 16> bytes;
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        endpoint.ip = Ip::from_bytes(bytes);
        endpoint.port = ntohs(v6.sin6_port);
        endpoint.scope = v6.sin6_scope_id;
    }
    return endpoint;
}

std::string Endpoint::text() const {
    std::string text = ip.is_v4() ? ip.text() : '[' + ip.text() + ']';
    return text + ':' + std::to_string(port);
}

const sockaddr* SocketAddress::get() const noexcept {
    return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
}

SocketAddress to_socket_address(const Endpoint& endpoint) {
    SocketAddress address;
    if (endpoint.ip.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, endpoint.ip.bytes().data() + 12, 4);
        std::memcpy(&address.storage, &v4, sizeof v4);
        address.length = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        v6.sin6_scope_id = endpoint.scope;
        std::memcpy(&v6.sin6_addr, endpoint.ip.bytes().data(), 16);
        std::memcpy(&address.storage, &v6, sizeof v6);
        address.length = sizeof v6;
    }
    return address;
}

std::optional<SocketAddress> to_socket_address(std::string_view unix_path) {
    sockaddr_un local{};
    if (unix_path.empty() || unix_path.size() >= sizeof local.sun_path) return std::nullopt;
    local.sun_family = AF_UNIX;
    std::copy(unix_path.begin(), unix_path.end(), local.sun_path);
    SocketAddress address;
    std::memcpy(&address.storage, &local, sizeof local);
    address.length = sizeof local;
    return address;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const std::optional<Ip> ip = Ip::parse(host);
    const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
    // Without brackets, the end of an IPv6 address could be taken for a port.
    if (!ip || !port || (host.find(':') != std::string_view::npos) != bracketed) return std::nullopt;
    return Endpoint{*ip, *port, 0};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto n = parse_decimal(text, 65535);
    if (!n) return std::nullopt;
    return static_cast<std::uint16_t>(*n);
}

} // namespace buzon::net
