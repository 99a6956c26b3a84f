// line/line_reader.h - splits bytes into lines of bounded length, without copying or buffering them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace buzon::line {

// Takes lines off the front of a borrowed buffer. The caller keeps an incomplete line, so a connection that waits
// between two commands needs no buffer at all:
//
//     while (reader.next(input) is not `more`) ...        input shrinks from the front
//     keep a copy of `input` and put it in front of what arrives next; nothing to keep if it is empty
//
// The result is the same wherever the input was split.
class LineReader {
public:
    enum class Kind : std::uint8_t {
        line,     // `text` is the line without its CRLF or LF; it points into the input
        too_long, // reported once per line over the limit; later calls skip the rest up to its LF
        invalid,  // a whole line, with a NUL in it
        more,     // no complete line: keep the rest of the input (less than the limit)
    };
    struct Next {
        Kind kind;
        std::string_view text = {};
    };

    // A line may have `limit` octets including its line end (RFC 2449 section 4: 255 for a command). At least 2.
    explicit LineReader(std::size_t limit) noexcept : limit_{static_cast<std::uint32_t>(limit)} {}

    // Takes one line, or as much of it as possible, off the front of `input`.
    [[nodiscard]] Next next(std::string_view& input) noexcept;

    // Applies to the next line; a response in an AUTH exchange may be longer than a command (RFC 5034 section 4).
    void set_limit(std::size_t limit) noexcept { limit_ = static_cast<std::uint32_t>(limit); }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

private:
    [[nodiscard]] bool swallow_rest(std::string_view& input) noexcept;

    std::uint32_t limit_;
    std::uint32_t searched_ = 0; // octets at the front of the next input that contain no LF
    bool swallowing_ = false;    // inside a line that was already reported as too long
};

} // namespace buzon::line
