// auth/throttle.h - who must wait before his password is looked at. Knows no timers: it is told the time, and answers
// with one. Memory is fixed at the start, whoever floods it.
//
// A wrong password counts against its source (an IPv4 address, an IPv6 /64) and against the user it was tried on. Past
// a free number of them every further try waits, twice as long each time up to a bound; the count is forgiven bit by
// bit. A try is never refused, and none waits longer than the bound, so that nobody locks anybody out.
//
// A source that logged in as a user lately is familiar to him: such tries look at neither count and add to neither.
// They have a count of their own, for the device in a stranger's hands and the wrong password somebody keeps polling
// with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/source.h"

namespace buzon::auth {

struct ThrottleLimits {
    unsigned free_by_source = 5;
    unsigned free_by_user = 10;
    unsigned free_by_familiar = 20;
    std::chrono::seconds first_delay{1};
    std::chrono::seconds longest_delay{15};
    std::chrono::seconds forgives_one_in{60};
    std::chrono::hours familiar_for{24 * 30};
    // How many of each are remembered; sixteen octets each, rounded up to a power of two.
    std::size_t sources = 65536;
    std::size_t users = 65536;
    std::size_t familiar_pairs = 262144;
};

class Throttle {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `key`: random octets, so that nobody can aim at another's place in the tables. `now`: no later call is earlier.
    Throttle(const ThrottleLimits& limits, std::string key, Time now);

    // When this try's password may be looked at; `now` when at once. To be asked once a try: later the answer may be
    // another.
    // Nothing as a source is a peer whose address says nothing about who guesses (a unix socket, a trusted front).
    [[nodiscard]] Time not_before(const std::optional<Source>& source, std::string_view user, Time now) const;

    // How the try went. `user` as it was tried, whether he exists or not: strangers learn nothing from waiting.
    void failed(const std::optional<Source>& source, std::string_view user, Time now);
    void succeeded(const std::optional<Source>& source, std::string_view user, Time now);
    // A try that was counted as failed before anybody knew was none. Before succeeded().
    void take_back(const std::optional<Source>& source, std::string_view user, Time now);

private:
    struct Slot {
        std::uint64_t tag = 0;        // 0 = free
        std::uint32_t since = 0;      // seconds after start_: when level was right
        std::uint16_t level = 0;      // wrong passwords not yet forgiven
        std::uint16_t login_hour = 0; // hours after start_: the last login, of familiar pairs
    };
    struct Key {
        std::uint64_t set, tag;
    };
    using Table = std::vector<Slot>;

    [[nodiscard]] Key key_of(char kind, std::string_view user, const std::optional<Source>& source) const;
    [[nodiscard]] Key familiar_key(const std::optional<Source>& source, std::string_view user) const;
    [[nodiscard]] std::uint32_t seconds(Time now) const noexcept;
    [[nodiscard]] unsigned level_at(const Slot& slot, std::uint32_t now) const noexcept;
    [[nodiscard]] unsigned level_of(const Table& table, Key key, std::uint32_t now) const noexcept;
    [[nodiscard]] const Slot* find(const Table& table, Key key) const noexcept;
    [[nodiscard]] bool is_familiar(Key key, std::uint32_t now) const noexcept;
    [[nodiscard]] std::chrono::seconds delay(unsigned level, unsigned free) const noexcept;
    void count(Slot& slot, std::uint32_t now) const noexcept;
    void uncount(Table& table, Key key, std::uint32_t now) const noexcept;
    Slot& make_room(Table& table, Key key, std::uint32_t now) const noexcept;

    ThrottleLimits limits_;
    std::string key_;
    Time start_;
    Table sources_;
    Table users_;
    Table familiar_; // a set holds all pairs of one user: nobody drives out another's but by chance
};

} // namespace buzon::auth
