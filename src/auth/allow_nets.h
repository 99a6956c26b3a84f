// auth/allow_nets.h - Dovecot's allow_nets field: the networks a user may log in from.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "buzon/auth/parsed.h"
#include "buzon/auth/source.h"

namespace buzon::auth {

class AllowNets {
public:
    // `address[/bits],...` of either family; `local` means peers without an address (a unix socket).
    [[nodiscard]] static Parsed<AllowNets> parse(std::string_view text);

    // No source means a peer without an address.
    [[nodiscard]] bool contains(const std::optional<Source>& source) const noexcept;

private:
    struct Net {
        Source base;
        unsigned bits; // of the 128 bits of the mapped form
    };

    std::vector<Net> nets_;
    bool local_ = false;
};

} // namespace buzon::auth
