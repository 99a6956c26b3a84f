// serve/places.h - decides which connection makes room when the table is full. Knows only which connections have not
// logged in and where they come from. Each operation takes logarithmic time.
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
    // Adds a connection that has not logged in. Later connections have larger ids. If memory runs out, nothing changes.
    void came(std::uint64_t id, const net::Ip& from);
    // The connection has logged in or ended. Does nothing if it has been removed already. Allocates no memory.
    void left(std::uint64_t id, const net::Ip& from) noexcept;

    // The connection that makes room for a newcomer: the one that has waited longest of the source (an IPv4 address or
    // IPv6 /64) with the most connections. Of sources with equally many, the one with the longest-waiting connection is
    // chosen. std::nullopt if all have logged in.
    [[nodiscard]] std::optional<std::uint64_t> next_to_go() const noexcept;

private:
    using Waiting = std::set<std::uint64_t>; // ids, oldest first
    // Sources with the most connections first, then the oldest.
    using Rank = std::tuple<std::size_t, std::uint64_t>;
    struct MostFirst {
        bool operator()(const Rank& a, const Rank& b) const noexcept {
            return std::get<0>(a) != std::get<0>(b) ? std::get<0>(a) > std::get<0>(b) : std::get<1>(a) < std::get<1>(b);
        }
    };
    [[nodiscard]] static Rank rank_of(const Waiting& waiting) { return {waiting.size(), *waiting.begin()}; }

    void change_rank(const Rank& before, const Waiting& waiting) noexcept;

    std::unordered_map<net::Ip, Waiting, net::IpHash> sources_; // without empty sets
    std::set<Rank, MostFirst> ranks_;                           // one for each source
};

} // namespace buzon::serve
