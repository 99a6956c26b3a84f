// message/dot_stuffer.h - converts the stored form of a message to wire form and counts its octets. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace buzon::message {

// Stored form -> wire form (RFC 1939 section 3): every line ends with CRLF, leading dots are doubled, and ".\r\n"
// follows the last line. A line ends at LF; CR is part of the line end only directly before LF, otherwise it is data,
// like NUL. The input may be split anywhere. After removing the stuffing, a client has as many octets as OctetCounter
// counts.
class DotStuffer {
public:
    // Appends the wire form of the whole piece.
    void feed(std::string_view stored, std::string& wire);

    struct Progress {
        std::size_t taken; // octets of `stored` consumed
        std::size_t made;  // octets written into `room`
    };
    // The same with bounded output: stops when `room` is full. Room for two octets is enough to make progress.
    Progress feed_into(std::string_view stored, std::span<char> room) noexcept;
    // Appends at most `room` octets to `wire` and returns how much of `stored` was consumed.
    std::size_t feed_some(std::string_view stored, std::string& wire, std::size_t room);

    // Ends an open line and appends ".\r\n": at most finish_room octets. Then the stuffer can be reused.
    void finish(std::string& wire);
    static constexpr std::size_t finish_room = 5;

private:
    char last_ = '\n'; // a message begins at the start of a line
};

// Counts a message's octets as a client receives them (without dot-stuffing, contract section 2) from its stored form.
class OctetCounter {
public:
    void feed(std::string_view stored) noexcept;

    // The octet count so far, as if the message ended here. More may be fed afterwards.
    [[nodiscard]] std::uint64_t finish() const noexcept;
    // Whether the stored form equals the wire form (only CRLF line ends, no leading dots, complete last line). Then it
    // can be sent from disk unchanged, followed by ".\r\n". True for an empty message.
    [[nodiscard]] bool wire_form() const noexcept;
    // The number of octets fed: the size of the stored form.
    [[nodiscard]] std::uint64_t stored_size() const noexcept { return size_; }

private:
    std::uint64_t size_ = 0;
    std::uint64_t line_feeds_ = 0;
    std::uint64_t crlfs_ = 0;
    std::uint64_t leading_dots_ = 0;
    char last_ = '\n';
};

// TOP n (RFC 1939 section 7): the headers, the blank line and n lines of the body. Used before a DotStuffer; it only
// determines where the stored form is cut.
class TopCutter {
public:
    explicit TopCutter(std::uint64_t body_lines) noexcept : lines_left_{body_lines} {}

    // Returns how many octets at the start of this piece belong to the reply. If not all of them do, done() is true.
    [[nodiscard]] std::size_t feed(std::string_view stored) noexcept;
    // Nothing more of the message is needed.
    [[nodiscard]] bool done() const noexcept { return state_ == State::done; }

private:
    // A header line is blank if it is empty or contains only a CR before its LF.
    enum class State : std::uint8_t { line_start, blank_so_far, in_line, body, done };
    std::size_t feed_body(std::string_view stored) noexcept;

    std::uint64_t lines_left_;
    State state_ = State::line_start;
};

} // namespace buzon::message
