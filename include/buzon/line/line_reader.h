// line/line_reader.h - bytes to bounded lines, without a copy. Knows no protocol and keeps no octet of the peer's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace buzon::line {

// Cuts lines off the front of a borrowed buffer. The caller keeps what is not a whole line yet, so that a connection
// that waits between two commands holds no buffer at all:
//
//     while (reader.next(input) is not `more`) ...        input shrinks from the front
//     keep a copy of `input`, put it in front of what arrives next; nothing to keep when it is empty
//
// What comes out is the same wherever the input was cut.
class LineReader {
public:
    enum class Kind : std::uint8_t {
        line,     // `text` is the line without its CRLF or LF; it points into the input
        too_long, // once a line: it is over the limit. The rest, up to its LF, is swallowed by later calls
        invalid,  // a whole line, with a NUL in it
        more,     // no whole line: keep what is left of the input (less than the limit)
    };
    struct Next {
        Kind kind;
        std::string_view text = {};
    };

    // A line may have `limit` octets, its line end included (RFC 2449 section 4: 255 for a command). At least 2.
    explicit LineReader(std::size_t limit) noexcept : limit_{static_cast<std::uint32_t>(limit)} {}

    // Takes one line, or what can be taken of it, off the front of `input`.
    [[nodiscard]] Next next(std::string_view& input) noexcept;

    // For the next line; an answer in an AUTH exchange may be longer than a command (RFC 5034 section 4).
    void set_limit(std::size_t limit) noexcept { limit_ = static_cast<std::uint32_t>(limit); }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

private:
    [[nodiscard]] bool swallow_rest(std::string_view& input) noexcept;

    std::uint32_t limit_;
    std::uint32_t searched_ = 0; // octets at the front of the next input known to hold no LF
    bool swallowing_ = false;    // inside a line already reported as too long
};

} // namespace buzon::line
