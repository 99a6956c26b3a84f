// server/ending.h - ends the server: first it ends the sessions, then it writes the remaining files. Both have a time
// limit, so the server ends even if something hangs.
//
//     serving --DRAIN--> draining ---- the last session has ended ----+
//        |                  |                                         v
//        +---- SIGTERM -----+--> stopping -- that, or 8 s, or ---> writing -- all written, or 9 s  --> the loop stops
//                                            SIGTERM again                    after the SIGTERM
#pragma once

#include <cstdint>

#include "buzon/event/event_loop.h"
#include "logging.h"
#include "services.h"
#include "upkeep.h"

namespace buzon::server {

class Ending final : private event::TimerHandler {
public:
    Ending(event::EventLoop& loop, Logging& logging, Services& services, Upkeep& upkeep)
        : loop_{loop}, logging_{logging}, services_{services}, upkeep_{upkeep} {}
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;

    // Accepts no new connections, finishes the replies in progress, then closes all connections. A second call does not
    // wait for the replies.
    void stop();
    // Accepts no new connections. Sessions go on until they end by themselves; then the server ends.
    void drain();

private:
    enum class Phase : std::uint8_t { serving, draining, stopping, writing };

    void on_timer(event::Timer&) override;
    void stop_in_order();
    void write_down();

    event::EventLoop& loop_;
    Logging& logging_;
    Services& services_;
    Upkeep& upkeep_;
    event::Timer deadline_{*this};
    Phase phase_ = Phase::serving;
    event::Instant last_moment_{}; // deadline for writing; set when the end begins
};

} // namespace buzon::server
