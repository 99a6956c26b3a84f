// net/proxy_header.h - the PROXY protocol, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt): tells
// the real client of a connection that comes from a front end. A pure parser.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "buzon/net/address.h"

namespace buzon::net {

// Longer headers are refused. Addresses take 36 octets; a front end's extensions, such as the names in a client
// certificate, a few hundred.
inline constexpr std::size_t longest_proxy_header = 4096;

struct ProxyHeader {
    std::size_t length = 0;         // octets of the header; what follows comes from the client
    std::optional<Endpoint> client; // nullopt (UNKNOWN, LOCAL, a unix peer): use the connection's own address
    bool tls = false;               // version 2 only: the client uses TLS with the front end
};

enum class ProxyParse { more, complete, malformed };

// Reads the header at the start of `octets`. `more`: it is valid so far but incomplete. `malformed` is returned at the
// first wrong octet. `header` is written only with `complete`.
[[nodiscard]] ProxyParse parse_proxy_header(std::string_view octets, ProxyHeader& header);

} // namespace buzon::net
