// auth/guessers.h - finds those who guess so slowly that the throttle forgives them: one source that fails against many
// users within a day, and one user against whom many sources fail. Has no clock. Memory is allocated at the start and
// does not grow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace buzon::auth {

class Guessers {
public:
    // So many users of one source, or sources of one user, are guessing.
    static constexpr std::size_t enough = 16;

    // `size`: sources, and users, that are watched at most.
    explicit Guessers(std::size_t size);

    // What a failure has shown. Each is told once, until it has been quiet for a day.
    struct Found {
        bool source = false;
        bool user = false;
    };
    // `source` and `user`: unguessable numbers for them, source 0 for none; `now`: in seconds, never falling.
    Found failed(std::uint64_t source, std::uint64_t user, std::uint32_t now) noexcept;
    // Whether this source guesses, or this user is guessed at.
    [[nodiscard]] bool guessing(std::uint64_t source, std::uint64_t user, std::uint32_t now) const noexcept;
    // How many sources and users do or are.
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
    using Table = std::vector<Slot>;

    [[nodiscard]] static const Slot* find(const Table& table, std::uint64_t tag) noexcept;
    [[nodiscard]] static bool note(Table& table, std::uint64_t tag, std::uint64_t other, std::uint32_t now) noexcept;
    [[nodiscard]] static bool is_active(const Slot& slot, std::uint32_t now) noexcept;

    Table sources_, users_;
};

} // namespace buzon::auth
