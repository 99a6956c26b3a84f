// state/suspects.h - who guesses passwords, and whose are guessed (WHYY *): from the events `guessing`, and the
// failures that follow them. Has no clock. Bounded: the oldest goes first.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "buzon/state/event.h"

namespace buzon::state {

class Suspects {
public:
    using Time = std::chrono::system_clock::time_point;
    static constexpr std::size_t max = 128;
    static constexpr EventMask events = mask_of(EventType::guessing) | mask_of(EventType::auth_fail);

    void write(const Event& event);
    // Those of whom something was heard in the last day, in the order in which they were found, as lines:
    // `FOUND guessing ip=ADDR|user=NAME failures=N last=TIME`, of which N and TIME are since then.
    [[nodiscard]] std::vector<std::string> read(Time now) const;
    [[nodiscard]] std::size_t count(Time now) const noexcept;

private:
    struct Suspect {
        bool is_user = false;
        std::string who;
        Time found, last;
        std::uint64_t failures = 0;

        [[nodiscard]] bool active(Time now) const noexcept { return now - last < std::chrono::hours{24}; }
    };
    std::deque<Suspect> all_; // in the order of `found`
};

} // namespace buzon::state
