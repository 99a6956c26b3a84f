// upkeep/complaints.h - passes the standard error output of transformations to the log, rate-limited.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"
#include "buzon/state/event_bus.h"

namespace buzon::upkeep {

// A program that complains about every message would flood the log. Lines beyond the limit are counted, and the count
// is logged at the end of the minute.
class Complaints final : private event::TimerHandler {
public:
    static constexpr unsigned lines_a_minute = 60;   // per program and user
    static constexpr std::size_t max_talkers = 1024; // (program, user) pairs tracked; all others share one counter

    // Both must outlive this object.
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
    std::unordered_map<std::string, Talker> talkers_; // in the current minute
};

} // namespace buzon::upkeep
