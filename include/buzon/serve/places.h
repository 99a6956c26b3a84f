// serve/places.h - who makes room in a full table of connections. Knows of them only that they have not logged in and
// where they come from; each step costs the logarithm of their number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "buzon/net/address.h"

namespace buzon::serve {

class Places {
public:
    // A connection that has not logged in. The larger its id, the later it came. Without memory nothing has happened.
    void came(std::uint64_t id, const net::Ip& from);
    // It has logged in, or ended. Nobody, when that is known already. Takes no memory.
    void left(std::uint64_t id, const net::Ip& from) noexcept;

    // Whose place a newcomer takes: of the source (an IPv4 address, an IPv6 /64) that has most of them, the one that
    // has waited longest; among several such sources, the one that has waited longest of all. Nothing: all are in.
    [[nodiscard]] std::optional<std::uint64_t> next_to_go() const noexcept;

private:
    using Waiting = std::set<std::uint64_t>; // ids: who came first stands in front
    // First whoever has most, then who came first.
    using Rank = std::tuple<std::size_t, std::uint64_t>;
    struct MostFirst {
        bool operator()(const Rank& a, const Rank& b) const noexcept {
            return std::get<0>(a) != std::get<0>(b) ? std::get<0>(a) > std::get<0>(b) : std::get<1>(a) < std::get<1>(b);
        }
    };
    [[nodiscard]] static Rank rank_of(const Waiting& waiting) { return {waiting.size(), *waiting.begin()}; }

    void change_rank(const Rank& before, const Waiting& waiting) noexcept;

    std::unordered_map<net::Ip, Waiting, net::IpHash> sources_; // none is empty
    std::set<Rank, MostFirst> ranks_;                           // one for each source
};

} // namespace buzon::serve
