// line/number.h - whole numbers in decimal digits.
#pragma once

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

namespace buzon::line {

// Digits only, all of `text`, within the bounds.
template <class Number>
[[nodiscard]] std::optional<Number> parse_whole(std::string_view text, Number min = 0,
                                                Number max = std::numeric_limits<Number>::max()) noexcept {
    static_assert(std::is_unsigned_v<Number>, "from_chars() would take a minus sign");
    Number n = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, n);
    if (error != std::errc{} || stop != end || n < min || n > max) return std::nullopt;
    return n;
}

} // namespace buzon::line
