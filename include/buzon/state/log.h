// state/log.h - the log: which events are written, in which form, and the last of them for LOGG. Knows no files:
// lines go to a sink.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "buzon/state/event.h"
#include "buzon/state/line_feed.h"

namespace buzon::state {

// Where finished lines go. Must not wait, nor log anything itself; what it cannot take it drops and counts
// (Metrics::log_lines_lost).
class LogSink {
public:
    virtual void write(std::string_view line) = 0; // with its line end, in one piece

protected:
    ~LogSink() = default;
};

class Log {
public:
    static constexpr std::size_t kept_lines = 8192;

    // The sink may be nullptr: then lines are only kept. It lives longer than the log.
    explicit Log(LogSink* sink = nullptr, LogOrigin origin = {});

    void set_level(Level level) noexcept { level_ = level; }
    void set_format(LogFormat format) noexcept { format_ = format; }
    void set_host(std::string_view host) { origin_.host = host; }
    [[nodiscard]] Level level() const noexcept { return level_; }
    [[nodiscard]] bool takes(Level level) const noexcept { return level <= level_; }

    // Writes an event; `text` is what format_text() made of it, so that it is made once.
    void write(const Event& event, std::string_view text);

    // The last lines, always in the text form. One kind only: 0.
    [[nodiscard]] LineFeed& lines() noexcept { return lines_; }

private:
    LogSink* sink_;
    LogOrigin origin_;
    Level level_ = Level::info;
    LogFormat format_ = LogFormat::text;
    LineFeed lines_{kept_lines};
    std::string line_; // kept for its memory
};

} // namespace buzon::state
