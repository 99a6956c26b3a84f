// server/ending.h - how the server comes to its end: the sessions first, then what is still to be put down.
#pragma once

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

    // No new connections; what is being answered is answered, then everybody goes. Asked twice: at once.
    void stop();
    // No new connections; sessions go on to their own end, and then the server ends.
    void drain();

private:
    // By now every reply had its chance.
    void on_timer(event::Timer&) override { loop_.stop(); }
    void stop_in_order();
    void end();

    event::EventLoop& loop_;
    Logging& logging_;
    Services& services_;
    Upkeep& upkeep_;
    event::Timer deadline_{*this};
    bool draining_ = false;
    bool stopping_ = false;
};

} // namespace buzon::server
