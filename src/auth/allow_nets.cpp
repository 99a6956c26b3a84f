#include "buzon/auth/allow_nets.h"

#include <charconv>

#include "ascii.h"

namespace buzon::auth {
namespace {

bool agree(const Source::Octets& a, const Source::Octets& b, unsigned bits) noexcept {
    for (std::size_t i = 0; bits > 0; ++i, bits -= bits < 8 ? bits : 8) {
        const unsigned mask = bits < 8 ? 0xffU << (8 - bits) & 0xffU : 0xffU;
        if (((a[i] ^ b[i]) & mask) != 0) return false;
    }
    return true;
}

bool read_bits(std::string_view text, unsigned most, unsigned& bits) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, bits);
    return error == std::errc{} && stop == end && bits <= most;
}

} // namespace

Parsed<AllowNets> AllowNets::parse(std::string_view text) {
    AllowNets nets;
    for (;;) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        const std::size_t slash = item.find('/');
        if (equal_ignoring_case(item, "local")) {
            nets.local_ = true;
        } else {
            const auto base = Source::parse(item.substr(0, slash));
            if (!base) return Wrong{"allow_nets contains an invalid address"};
            // The prefix of a dotted address counts from its own start, which is 96 bits further in the mapped form.
            const bool dotted = item.substr(0, slash).find(':') == item.npos;
            unsigned bits = dotted ? 32 : 128;
            if (slash != item.npos && !read_bits(item.substr(slash + 1), bits, bits)) {
                return Wrong{"allow_nets contains a network with an invalid prefix length"};
            }
            nets.nets_.push_back({*base, dotted ? bits + 96 : bits});
        }
        if (comma == text.npos) return nets;
        text.remove_prefix(comma + 1);
    }
}

bool AllowNets::contains(const std::optional<Source>& source) const noexcept {
    if (!source) return local_;
    for (const Net& net : nets_) {
        // An IPv6 network as wide as ::/0 means IPv6 only: it must not match every mapped IPv4 address.
        if (source->is_ipv4() == net.base.is_ipv4() && agree(source->octets(), net.base.octets(), net.bits))
            return true;
    }
    return false;
}

} // namespace buzon::auth
