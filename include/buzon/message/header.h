// message/header.h - unfolds and decodes the header of a message for display (RFC 5322, RFC 2047). No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::message {

// The header of a message in stored form: all lines before the first blank one, or everything if there is none.
[[nodiscard]] std::string_view header_of(std::string_view stored) noexcept;

// Iterates over the fields of a header. Names are returned as written; bodies are still folded and encoded. Lines that
// are not fields (an mbox "From " line) are skipped.
class HeaderFields {
public:
    struct Field {
        std::string_view name;
        std::string_view folded_body;
    };
    explicit HeaderFields(std::string_view header) noexcept : rest_{header} {}
    [[nodiscard]] std::optional<Field> next() noexcept;

private:
    std::string_view rest_;
};

// Looks for non-ASCII octets in a header. The message is fed in stored form, in pieces of any size.
class HeaderOctets {
public:
    enum class Found : std::uint8_t { nothing_yet, only_ascii, eight_bit };
    Found feed(std::string_view stored) noexcept;

private:
    enum class Line : std::uint8_t { empty, carriage_return, other }; // so far
    Line line_ = Line::empty;
};

// RFC 5322 section 2.2.3, for display: a line end with the surrounding blanks and tabs becomes one blank; leading and
// trailing ones are removed.
[[nodiscard]] std::string unfolded(std::string_view folded_body);

// built_in: UTF-8, ASCII, ISO-8859-1, -15 and Windows-1252. of_system: also those of iconv(3). The reactor must not use
// these, because iconv(3) loads files.
enum class Charsets { built_in, of_system };
// Converts RFC 2047 words in one of these charsets to UTF-8; others stay unchanged. White space between two decoded
// words is removed. Octets that are not valid UTF-8 are read as Windows-1252.
[[nodiscard]] std::string decoded(std::string_view unfolded_body, Charsets charsets = Charsets::built_in);
// Converts Latin letters (ASCII, Latin-1, Latin Extended-A) in UTF-8 text to lower case; everything else is unchanged.
[[nodiscard]] std::string lower_latin(std::string_view utf8);

// Compares field names, ignoring the case of ASCII letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

} // namespace buzon::message
