// message/header.h - the header of a mail, unfolded and decoded for people (RFC 5322, RFC 2047). Pure text work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::message {

// The header of a mail in stored form: all lines before the first blank one, or everything when there is none.
[[nodiscard]] std::string_view header_of(std::string_view stored) noexcept;

// Walks over the fields of a header. Names are given as they stand, bodies still folded and encoded. Lines that are no
// field (an mbox "From " line) are passed over.
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

// Looks for octets beyond ASCII in a header, fed in any slices of the message as it is stored.
class HeaderOctets {
public:
    enum class Found : std::uint8_t { nothing_yet, only_ascii, eight_bit };
    Found feed(std::string_view stored) noexcept;

private:
    enum class Line : std::uint8_t { empty, carriage_return, other }; // so far
    Line line_ = Line::empty;
};

// RFC 5322 section 2.2.3, as people see it: a line end with the blanks and tabs around it is one blank; outer ones go.
[[nodiscard]] std::string unfolded(std::string_view folded_body);

// built_in: UTF-8, ASCII, ISO-8859-1, -15 and Windows-1252. of_system: those of iconv(3) too, which loads files: not
// for the reactor.
enum class Charsets { built_in, of_system };
// RFC 2047 words in one of these charsets become UTF-8 text; others stay as they are. White space between two decoded
// words goes. Octets that are no UTF-8 are taken for Windows-1252.
[[nodiscard]] std::string decoded(std::string_view unfolded_body, Charsets charsets = Charsets::built_in);
// UTF-8 in, UTF-8 out: Latin letters (ASCII, Latin-1, Latin Extended-A) in lower case, all else as it is.
[[nodiscard]] std::string lower_latin(std::string_view utf8);

// ASCII only: field names.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

} // namespace buzon::message
