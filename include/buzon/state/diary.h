// state/diary.h - the last refusals of each user, with their true reasons, and the last sessions (WHYY). Does not read
// the clock.
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

// Bounded: a few lines for each of the most recently active users. Logins with made-up names can only displace the
// users who have been inactive longest.
class Diary {
public:
    static constexpr std::size_t max_users = 4096;
    static constexpr std::size_t lines_each = 12; // refusals, and as many sessions
    static constexpr EventMask events = mask_of(EventType::login) | mask_of(EventType::logout) |
                                        mask_of(EventType::auth_fail) | mask_of(EventType::refused) |
                                        mask_of(EventType::filter_fail);

    // `line`: the event as written by format_text().
    void write(const Event& event, std::string_view line);
    // The refusals and then the sessions, each oldest first; empty for an unknown user.
    [[nodiscard]] std::vector<std::string> read(std::string_view user) const;

private:
    // A repeated refusal is only counted: one with the same type and fields, ignoring the session and `why`.
    struct Refusal {
        std::string key, line, first; // the latest line; the timestamp of the first
        std::uint64_t count = 1;
    };
    struct Session {
        std::uint64_t id = 0;
        std::string line;
        std::uint64_t failed_filters = 0;
    };
    struct Page {
        std::string user;
        std::vector<Refusal> refusals; // oldest first
        std::vector<Session> sessions;
    };
    Page& page_of(std::string_view user);
    static void note_refusal(Page& page, const Event& event, std::string_view line);
    static void note_session(Page& page, const Event& event, std::string_view line);

    std::list<Page> pages_;                                                   // most recent first
    std::unordered_map<std::string_view, std::list<Page>::iterator> by_user_; // the keys point into the pages
};

} // namespace buzon::state
