// state/log.h - the log: which events are written, in which format, and the last of them for LOGG. No I/O: lines go to
// a sink.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "buzon/state/event.h"
#include "buzon/state/line_feed.h"

namespace buzon::state {

// Receives finished lines. Must not block or log anything itself; it drops and counts what it cannot take
// (Metrics::log_lines_lost).
class LogSink {
public:
    virtual void write(std::string_view line) = 0; // a whole line, with its line end

protected:
    ~LogSink() = default;
};

class Log {
public:
    static constexpr std::size_t kept_lines = 8192;

    // The sink may be null: then lines are only kept. It must outlive the log.
    explicit Log(LogSink* sink = nullptr, LogOrigin origin = {});

    void set_level(Level level) noexcept { level_ = level; }
    void set_format(LogFormat format) noexcept { format_ = format; }
    void set_host(std::string_view host) { origin_.host = host; }
    [[nodiscard]] Level level() const noexcept { return level_; }
    [[nodiscard]] bool takes(Level level) const noexcept { return level <= level_; }

    // Writes an event. `text`: the result of format_text(), so that the event is formatted only once.
    void write(const Event& event, std::string_view text);

    // The last lines, always in text format. All have kind 0.
    [[nodiscard]] LineFeed& lines() noexcept { return lines_; }

private:
    LogSink* sink_;
    LogOrigin origin_;
    Level level_ = Level::info;
    LogFormat format_ = LogFormat::text;
    LineFeed lines_{kept_lines};
    std::string line_; // kept to reuse its memory
};

} // namespace buzon::state
