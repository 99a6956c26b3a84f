// state/suspects.h - sources that guess passwords, and users whose passwords are guessed (WHYY *): collected from
// `guessing` events and the failed logins after them. Does not read the clock. Bounded: the oldest entry goes first.
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
    // The suspects active in the last day, in the order in which they were found, one line each:
    // `FOUND guessing ip=ADDR|user=NAME failures=N last=TIME`. N counts the failed logins since FOUND, and TIME is that
    // of the latest (FOUND if there were none).
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
