// net/proxy_header.h - the PROXY protocol, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt): who is
// behind the front that connects to us. Pure: octets in, an answer out.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "buzon/net/address.h"

namespace buzon::net {

// What needs more octets than this is no header that we take: addresses have 36, and a front's extensions, the names of
// a client's certificate among them, some hundreds.
inline constexpr std::size_t longest_proxy_header = 4096;

struct ProxyHeader {
    std::size_t length = 0;         // octets of the header; what follows is the client's
    std::optional<Endpoint> client; // nothing (UNKNOWN, LOCAL, a unix peer): the connection's own address counts
    bool tls = false;               // version 2 alone: the client speaks TLS with the front
};

enum class ProxyParse { more, complete, malformed };

// Reads the header at the beginning of `octets`. `more`: so far it may become one. `malformed` is said at the first
// octet that cannot be right. `header` is written with `complete` alone.
[[nodiscard]] ProxyParse parse_proxy_header(std::string_view octets, ProxyHeader& header);

} // namespace buzon::net
