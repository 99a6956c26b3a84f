// auth/throttle.h - decides how long a login try must wait before its password is checked. Has no timers: it is given
// the time and returns a time. Memory is allocated at the start and does not grow.
//
// A wrong password counts against its source (an IPv4 address or an IPv6 /64) and against the user; repeating the same
// password for the same user from the same source counts once. After a number of free failures every further try must
// wait, each time twice as long, up to a limit. Failures are forgiven over time. turns.h describes how simultaneous
// tries wait for each other.
//
// guessers.h detects guessing that is too slow for these counts. While a source is guessing or a user is being guessed
// at, every try that is not familiar waits for the longest delay.
//
// A source from which the user logged in recently is familiar to that user: its tries ignore both counts and do not add
// to them. They have a count of their own, in case a device is stolen or a client keeps polling with a wrong password.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/auth/guessers.h"
#include "buzon/auth/source.h"
#include "buzon/posix/zeroed_table.h"

namespace buzon::auth {

struct ThrottleLimits {
    unsigned free_by_source = 5;
    unsigned free_by_user = 10;
    unsigned free_by_familiar = 20;
    std::chrono::seconds first_delay{1};
    std::chrono::seconds longest_delay{15};
    std::chrono::seconds forgives_one_in{60};
    std::chrono::hours familiar_for{24 * 30};
    // Table sizes, 16 octets per entry, rounded up to a power of two.
    std::size_t sources = 65536;
    std::size_t users = 65536;
    std::size_t familiar_pairs = 262144;
    std::size_t wrong_secrets = 65536;
    std::size_t guessers = 4096; // 88 octets each, in two tables
};

class Throttle {
    struct Key {
        std::uint64_t set, tag;
    };

public:
    using Time = std::chrono::steady_clock::time_point;

    // Identifies the failure count that applies to a try: that of a source, or of a familiar pair of user and source.
    class Count {
    public:
        [[nodiscard]] std::uint64_t id() const noexcept { return key_.tag; }

    private:
        friend class Throttle;
        Key key_{};
        bool familiar_ = false;
    };
    struct Held {
        std::optional<Count> count;
        std::chrono::seconds alone{0}; // because of the user's failures, however many others wait
        std::uint64_t user = 0;        // identifies the user; unguessable
    };

    // `key`: random octets, so that nobody can target another user's slot. `now`: later calls must not pass an earlier
    // time.
    Throttle(const ThrottleLimits& limits, std::string key, Time now);

    // When this try's password may be checked; `now` if at once. Ask once per try, since the answer changes.
    // No source means a peer whose address does not identify a guesser (a unix socket, a trusted front).
    [[nodiscard]] Time not_before(const std::optional<Source>& source, std::string_view user, Time now) const;

    // The same in parts, for tries that wait for each other.
    [[nodiscard]] Held held(const std::optional<Source>& source, std::string_view user, Time now) const;
    [[nodiscard]] unsigned level(const Count& count, Time now) const noexcept; // failures not yet forgiven
    [[nodiscard]] unsigned free(const Count& count) const noexcept;
    [[nodiscard]] Time last(const Count& count) const noexcept; // the last failure; long ago if unknown
    [[nodiscard]] std::chrono::seconds delay(unsigned level, unsigned free) const noexcept;
    // The number of sources guessing plus users being guessed at.
    [[nodiscard]] std::size_t guessing(Time now) const noexcept { return guessers_.count(seconds(now)); }
    [[nodiscard]] bool delays() const noexcept { return limits_.first_delay.count() > 0; }

    // Reports the result of a try. `user` need not exist: the wait must not reveal who does. `secret`: the password
    // that was sent, or empty if repetitions cannot be recognized. Only a keyed hash of it is kept. Returns what this
    // failure has revealed about guessing.
    Guessers::Found failed(const std::optional<Source>& source, std::string_view user, Time now,
                           std::string_view secret = {});
    void succeeded(const std::optional<Source>& source, std::string_view user, Time now);
    // Takes back a failure that was counted before the result was known. Call it before succeeded().
    void take_back(const std::optional<Source>& source, std::string_view user, Time now);

private:
    struct Slot {
        std::uint64_t tag = 0;        // 0 = free
        std::uint32_t since = 0;      // ticks after start_: when `level` was current
        std::uint16_t level = 0;      // wrong passwords not yet forgiven
        std::uint16_t login_hour = 0; // hours after start_: the last login of a familiar pair
    };
    using Table = posix::ZeroedTable<Slot>;

    [[nodiscard]] Key key_of(char kind, std::string_view user, const std::optional<Source>& source,
                             std::string_view secret = {}) const;
    [[nodiscard]] Key familiar_key(const std::optional<Source>& source, std::string_view user) const;
    [[nodiscard]] std::uint32_t ticks(Time now) const noexcept; // rounded up
    [[nodiscard]] std::uint32_t seconds(Time now) const noexcept {
        return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(now - start_).count());
    }
    [[nodiscard]] const Table& table_of(const Count& count) const noexcept {
        return count.familiar_ ? familiar_ : sources_;
    }
    [[nodiscard]] bool is_repeated(const std::optional<Source>& source, std::string_view user, std::string_view secret,
                                   std::uint32_t now);
    [[nodiscard]] unsigned level_at(const Slot& slot, std::uint32_t now) const noexcept;
    [[nodiscard]] unsigned level_of(const Table& table, Key key, std::uint32_t now) const noexcept;
    [[nodiscard]] const Slot* find(const Table& table, Key key) const noexcept;
    [[nodiscard]] bool is_familiar(Key key, std::uint32_t now) const noexcept;
    void count(Slot& slot, std::uint32_t now) const noexcept;
    void uncount(Table& table, Key key, std::uint32_t now) const noexcept;
    Slot& make_room(Table& table, Key key, std::uint32_t now) const noexcept;

    ThrottleLimits limits_;
    std::string key_;
    Guessers guessers_;
    Time start_;
    Table sources_;
    Table users_;
    Table wrong_secrets_;
    Table familiar_; // one set holds all pairs of a user, so users evict each other's only by chance
};

} // namespace buzon::auth
