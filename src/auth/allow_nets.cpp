#include "allow_nets.h"

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"

namespace buzon::auth {
namespace {

bool agree(const Source::Octets& a, const Source::Octets& b, unsigned bits) noexcept {
    for (std::size_t i = 0; bits > 0; ++i, bits -= bits < 8 ? bits : 8) {
        const unsigned mask = bits < 8 ? 0xffU << (8 - bits) & 0xffU : 0xffU;
        if (((a[i] ^ b[i]) & mask) != 0) return false;
    }
    return true;
}

} // namespace

Parsed<AllowNets> AllowNets::parse(std::string_view text) {
    AllowNets nets;
    for (;;) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        const std::size_t slash = item.find('/');
        if (line::equals_ignoring_case(item, "local")) {
            nets.local_ = true;
        } else {
            const auto base = Source::parse(item.substr(0, slash));
            if (!base) return Wrong{"allow_nets contains an invalid address"};
            // The prefix length of a dotted address counts from its own start, which is at bit 96 of the mapped form.
            const bool dotted = item.substr(0, slash).find(':') == item.npos;
            const unsigned max_bits = dotted ? 32 : 128;
            const auto bits =
                slash == item.npos ? max_bits : line::parse_whole<unsigned>(item.substr(slash + 1), 0, max_bits);
            if (!bits) return Wrong{"allow_nets contains a network with an invalid prefix length"};
            nets.nets_.push_back({*base, dotted ? *bits + 96 : *bits});
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
