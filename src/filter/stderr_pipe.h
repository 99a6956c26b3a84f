// filter/stderr_pipe.h - what programs write to stderr, as a bounded number of bounded lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/filter/outcome.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

class StderrPipe final : private event::Handler {
public:
    // `readable` is called when there is something to read(), or its end.
    explicit StderrPipe(std::function<void()> readable) : readable_{std::move(readable)} {}
    StderrPipe(const StderrPipe&) = delete;
    StderrPipe& operator=(const StderrPipe&) = delete;

    // `pipe`: the read end. Only the limits on lines are used.
    [[nodiscard]] std::error_code open(event::EventLoop& loop, posix::UniqueFd pipe, const Limits& limits);
    // The complete lines of a bounded amount of input, since a program that only complains must not block the others.
    // Octets below 0x20 and 0x7F become '?', tabs become spaces; empty lines and everything beyond the limits are
    // dropped.
    [[nodiscard]] std::vector<std::string> read();
    // The same, then the last, unfinished line and a note of how many were dropped. Counting starts again.
    [[nodiscard]] std::vector<std::string> read_last();
    void close() noexcept;

private:
    void on_ready(std::uint32_t) override { readable_(); }
    void feed(std::string_view octets, std::vector<std::string>& lines);
    void end_line(std::vector<std::string>& lines);

    std::function<void()> readable_;
    posix::UniqueFd pipe_;
    event::Watch watch_;
    std::size_t max_lines_ = 0;
    std::size_t max_octets_ = 0; // of a line
    std::string line_;           // the unfinished line
    bool cut_ = false;
    std::size_t shown_ = 0; // lines
    std::size_t dropped_ = 0;
};

} // namespace buzon::filter
