// state/event_bus.h - the stream of all events; EVNT, the log, LOGG and WHYY are views of it. Does not read the clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "buzon/state/diary.h"
#include "buzon/state/event.h"
#include "buzon/state/line_feed.h"
#include "buzon/state/log.h"
#include "buzon/state/suspects.h"

namespace buzon::state {

class EventBus {
public:
    static constexpr std::size_t kept_events = 8192; // how far a listener may fall behind
    using Time = std::chrono::system_clock::time_point;

    // The log must outlive the bus.
    explicit EventBus(Log& log) : log_{log} {}

    // Whether anybody wants events of this type (at its default level). Ask before collecting an event's values.
    [[nodiscard]] bool wants(EventType type) const noexcept {
        return ((feed_.wanted() | Diary::events) & mask_of(type)) != 0 || log_.takes(level_of(type));
    }

    // Costs only a few comparisons if nobody wants the event.
    void publish(const Event& event);
    // At the type's default level.
    void publish(EventType type, Time when, std::uint64_t session, std::string_view user,
                 std::initializer_list<EventField> fields);
    // Any other log line.
    void log(Level level, Time when, std::string_view message, std::uint64_t session = 0, std::string_view user = {});

    // The lines of EVNT. The kind of a line is its EventType.
    [[nodiscard]] LineFeed& events() noexcept { return feed_; }
    [[nodiscard]] Log& log() noexcept { return log_; }
    [[nodiscard]] const Diary& diary() const noexcept { return diary_; }
    [[nodiscard]] const Suspects& suspects() const noexcept { return suspects_; }

private:
    Log& log_;
    Diary diary_;
    Suspects suspects_;
    LineFeed feed_{kept_events};
    std::string line_; // kept to reuse its memory
};

} // namespace buzon::state
