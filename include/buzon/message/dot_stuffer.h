// message/dot_stuffer.h - from the stored form of a mail to its wire form, and the octets of it. Knows no files, no
// sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace buzon::message {

// Stored form -> wire form (RFC 1939 section 3): every line ended by CRLF, a leading dot doubled, closed by ".\r\n".
// A line ends at LF; CR is part of the line end only just before LF, else it is data like NUL. The input may be cut
// anywhere. What is sent is the same as what OctetCounter counts, once a client has undone the dots.
class DotStuffer {
public:
    // Appends the wire form of the whole piece.
    void feed(std::string_view stored, std::string& wire);

    struct Progress {
        std::size_t taken; // octets of `stored` used up
        std::size_t made;  // octets written into `room`
    };
    // The same with an end in sight: stops when `room` is full. Room of two octets or more always gets on.
    Progress feed_into(std::string_view stored, std::span<char> room) noexcept;
    // Appends at most `room` octets to `wire` and says how much of `stored` was taken.
    std::size_t feed_some(std::string_view stored, std::string& wire, std::size_t room);

    // Ends an open line and appends ".\r\n": at most finish_room octets. The stuffer is then as new.
    void finish(std::string& wire);
    static constexpr std::size_t finish_room = 5;

private:
    char last_ = '\n'; // a mail begins at the beginning of a line
};

// Octets as a client receives them (dot-stuffing undone, contract section 2) of a mail in stored form.
class OctetCounter {
public:
    void feed(std::string_view stored) noexcept;

    // The octets of what was fed. More may be fed afterwards: this looks, it does not close.
    [[nodiscard]] std::uint64_t finish() const noexcept;
    // Whether the stored form is its own wire form (only CRLF line ends, no leading dot, last line ended): then it can
    // be sent as it lies on disk, followed by ".\r\n". True for an empty mail.
    [[nodiscard]] bool wire_form() const noexcept;
    // Octets fed: the size of the stored form.
    [[nodiscard]] std::uint64_t stored_size() const noexcept { return size_; }

private:
    std::uint64_t size_ = 0;
    std::uint64_t line_feeds_ = 0;
    std::uint64_t crlfs_ = 0;
    std::uint64_t leading_dots_ = 0;
    char last_ = '\n';
};

// TOP n (RFC 1939 section 7): the headers, the blank line and n lines of the body. It stands before a DotStuffer and
// only says where the stored form is to be cut.
class TopCutter {
public:
    explicit TopCutter(std::uint64_t body_lines) noexcept : lines_left_{body_lines} {}

    // How many octets at the start of this piece belong to the answer. Less than all of them means done().
    [[nodiscard]] std::size_t feed(std::string_view stored) noexcept;
    // Nothing of the mail is wanted any more.
    [[nodiscard]] bool done() const noexcept { return state_ == State::done; }

private:
    // A header line is blank when it holds nothing, or a CR just before its LF.
    enum class State : std::uint8_t { line_start, blank_so_far, in_line, body, done };
    std::size_t feed_body(std::string_view stored) noexcept;

    std::uint64_t lines_left_;
    State state_ = State::line_start;
};

} // namespace buzon::message
