// upkeep/complaints.h - what transformations write to standard error, on its way to the log: so much a minute.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"
#include "buzon/state/event_bus.h"

namespace buzon::upkeep {

// A program that complains about every message would fill the log with one sentence. What is beyond the limit is
// counted, and the number told when the minute is over.
class Complaints final : private event::TimerHandler {
public:
    static constexpr unsigned lines_a_minute = 60;   // of one program with one user's mail
    static constexpr std::size_t max_talkers = 1024; // programs and users told apart; the others share one count

    // Both must outlive us.
    Complaints(event::EventLoop& loop, state::EventBus& events) : loop_{loop}, events_{events}, minute_{*this} {}
    ~Complaints() { tell(); }
    Complaints(const Complaints&) = delete;
    Complaints& operator=(const Complaints&) = delete;

    void line(std::string_view program, std::uint64_t session, std::string_view user, std::string_view uidl,
              std::string_view text);

private:
    struct Talker {
        std::string program, user;
        unsigned said = 0;
        std::uint64_t withheld = 0;
    };
    void on_timer(event::Timer&) override { tell(); }
    Talker& talker(std::string_view program, std::string_view user);
    void tell();

    event::EventLoop& loop_;
    state::EventBus& events_;
    event::Timer minute_;
    std::unordered_map<std::string, Talker> talkers_; // of this minute
};

} // namespace buzon::upkeep
