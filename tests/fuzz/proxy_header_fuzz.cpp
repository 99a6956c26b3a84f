// A PROXY header is the same whatever follows it; it is not accepted before it is complete, and none of its beginnings
// is refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "buzon/net/proxy_header.h"

using namespace buzon::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view octets{reinterpret_cast<const char*>(data), size};
    ProxyHeader header;
    const ProxyParse what = parse_proxy_header(octets, header);
    if (what == ProxyParse::more && size >= longest_proxy_header) std::abort();
    if (what != ProxyParse::complete) return 0;
    if (header.length == 0 || header.length > size || header.length > longest_proxy_header) std::abort();
    ProxyHeader again;
    if (parse_proxy_header(octets.substr(0, header.length), again) != ProxyParse::complete) std::abort();
    if (again.length != header.length || again.client != header.client || again.tls != header.tls) std::abort();
    for (std::size_t n = 0; n < header.length; ++n) {
        if (parse_proxy_header(octets.substr(0, n), again) != ProxyParse::more) std::abort();
    }
    return 0;
}
