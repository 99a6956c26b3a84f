// auth/guessers.h - detects password guessing that is too slow for the throttle: one source that fails for many users
// within a day, or many sources that fail for one user. Has no clock. Memory is allocated at the start and does not
// grow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "buzon/posix/zeroed_table.h"

namespace buzon::auth {

class Guessers {
public:
    // This many users tried by one source, or sources trying one user, count as guessing.
    static constexpr std::size_t enough = 16;

    // Watches up to `size` sources and as many users, rounded up to a power of two.
    explicit Guessers(std::size_t size);

    // What a failure has revealed. A source or user is reported once, and again only after a day without failures.
    struct Found {
        bool source = false;
        bool user = false;
    };
    // `source` and `user`: unguessable numbers that identify them; source 0: none. `now`: in seconds, never decreasing.
    Found failed(std::uint64_t source, std::uint64_t user, std::uint32_t now) noexcept;
    // Whether this source is guessing, or this user is being guessed at.
    [[nodiscard]] bool guessing(std::uint64_t source, std::uint64_t user, std::uint32_t now) const noexcept;
    // The number of sources guessing plus users being guessed at.
    [[nodiscard]] std::size_t count(std::uint32_t now) const noexcept;

private:
    struct Slot {
        std::uint64_t tag = 0; // 0: free
        std::uint32_t first = 0;
        std::uint32_t last = 0;
        std::uint32_t count = 0; // of `others`
        bool told = false;
        std::array<std::uint32_t, enough> others{};
    };
    using Table = posix::ZeroedTable<Slot>;

    [[nodiscard]] static const Slot* find(const Table& table, std::uint64_t tag) noexcept;
    [[nodiscard]] static bool note(Table& table, std::uint64_t tag, std::uint64_t other, std::uint32_t now) noexcept;
    [[nodiscard]] static bool is_active(const Slot& slot, std::uint32_t now) noexcept;

    Table sources_, users_;
};

} // namespace buzon::auth
