// terminal/text.h - characters and their width on a screen, words and numbers. Knows no terminal and no server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::client {

struct Character {
    char32_t code;
    std::size_t octets;
};
// The first character of non-empty UTF-8 text. An invalid octet is U+FFFD, one octet long.
[[nodiscard]] Character first_character(std::string_view text) noexcept;

// The width of a character on a screen: 0 (combining marks), 1 or 2 (East Asian, emoji).
[[nodiscard]] int columns_of(char32_t code) noexcept;
[[nodiscard]] std::size_t columns(std::string_view text) noexcept;

// The next and previous cursor position: a character and its combining marks stay together.
[[nodiscard]] std::size_t after_character(std::string_view text, std::size_t at) noexcept;
[[nodiscard]] std::size_t before_character(std::string_view text, std::size_t at) noexcept;

enum class Charset { ascii, utf8 };
// For Charset::ascii every non-ASCII character becomes "?", or "??" if it is two columns wide.
[[nodiscard]] std::string in_charset(std::string text, Charset charset);

// Makes text safe for a terminal: control characters become visible, invalid UTF-8 becomes U+FFFD. Otherwise a log line
// could control the administrator's terminal.
[[nodiscard]] std::string printable(std::string_view text);
// The longest prefix that fits in `width` columns, padded with blanks to exactly that.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);
// The same without blanks at its end, and ended by LF.
[[nodiscard]] std::string fitted_line(std::string_view text, std::size_t width);
[[nodiscard]] std::string fitted_right(std::string_view text, std::size_t width);

// The words between blanks; none is empty.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);
// Converts ASCII letters to upper case, as for keywords.
[[nodiscard]] std::string upper(std::string_view text);

// A decimal number with an optional sign and fraction: exactly what JSON accepts as a number, except exponents.
[[nodiscard]] std::optional<double> number_of(std::string_view text) noexcept;
[[nodiscard]] std::string fixed(double value, int digits);
// In at most five characters: 999, 1.2k, 34M ...; `step` is 1000, or 1024 for octets.
[[nodiscard]] std::string shortened(double value, double step = 1000);

} // namespace buzon::client
