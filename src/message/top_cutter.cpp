#include <cstring>

#include "buzon/message/dot_stuffer.h"

namespace buzon::message {
namespace {

// The number of octets up to and including the first line feed; 0 if there is none.
std::size_t line_length(std::string_view text) noexcept {
    const void* const found = text.empty() ? nullptr : std::memchr(text.data(), '\n', text.size());
    return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + 1 : 0;
}

} // namespace

std::size_t TopCutter::feed(std::string_view stored) noexcept {
    std::size_t at = 0;
    while (at != stored.size() && state_ != State::body && state_ != State::done) {
        const char c = stored[at];
        if (state_ == State::in_line) {
            const std::size_t line = line_length(stored.substr(at));
            if (line == 0) return stored.size();
            at += line;
            state_ = State::line_start;
        } else if (c == '\n') { // the blank line is part of the reply
            ++at;
            state_ = lines_left_ == 0 ? State::done : State::body;
        } else {
            ++at;
            state_ = c == '\r' && state_ == State::line_start ? State::blank_so_far : State::in_line;
        }
    }
    return at + (state_ == State::body ? feed_body(stored.substr(at)) : 0);
}

std::size_t TopCutter::feed_body(std::string_view stored) noexcept {
    std::size_t at = 0;
    while (lines_left_ != 0) {
        const std::size_t line = line_length(stored.substr(at));
        if (line == 0) return stored.size();
        at += line;
        --lines_left_;
    }
    state_ = State::done;
    return at;
}

} // namespace buzon::message
