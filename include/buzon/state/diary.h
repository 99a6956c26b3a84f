// state/diary.h - the last sessions and refusals of each user, with their true reasons (WHYY). Has no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "buzon/state/event.h"

namespace buzon::state {

// Bounded: a few lines for each of the most recently active users. Logins with made-up names can only displace those
// who have been inactive longest.
class Diary {
public:
    static constexpr std::size_t max_users = 4096;
    static constexpr std::size_t lines_each = 12;
    static constexpr EventMask events = mask_of(EventType::login) | mask_of(EventType::logout) |
                                        mask_of(EventType::auth_fail) | mask_of(EventType::refused) |
                                        mask_of(EventType::kick) | mask_of(EventType::filter_fail) |
                                        mask_of(EventType::uidl) | mask_of(EventType::undelete);

    // A line contains no '\n'.
    void write(std::string_view user, std::string_view line);
    // Oldest first; empty for an unknown user.
    [[nodiscard]] std::vector<std::string> read(std::string_view user) const;

private:
    struct Page {
        std::string user;
        std::string lines; // oldest first, '\n' between them
        std::uint8_t count = 0;
    };
    std::list<Page> pages_;                                                   // most recent first
    std::unordered_map<std::string_view, std::list<Page>::iterator> by_user_; // the keys point into the pages
};

} // namespace buzon::state
