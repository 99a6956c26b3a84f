// state/time_text.cpp - times in ISO 8601, always UTC.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/state/event.h"

namespace buzon::state {
namespace {

// At least `width` digits.
void append_padded(std::int64_t number, int width, std::string& out) {
    if (number < 0) {
        out += '-';
        number = -number;
    }
    char digits[20];
    char* const end = std::end(digits);
    char* begin = end;
    for (; number != 0 || width > 0; number /= 10, --width) *--begin = static_cast<char>('0' + number % 10);
    out.append(begin, end);
}

void append_date_and_time(std::chrono::sys_seconds when, std::string& out) {
    const auto day = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{when - day};
    append_padded(int{date.year()}, 4, out);
    append_padded(unsigned{date.month()}, 2, out += '-');
    append_padded(unsigned{date.day()}, 2, out += '-');
    append_padded(time.hours().count(), 2, out += 'T');
    append_padded(time.minutes().count(), 2, out += ':');
    append_padded(time.seconds().count(), 2, out += ':');
}

// Parses exactly `width` digits at `place`.
std::optional<unsigned> digits_at(std::string_view text, std::size_t place, std::size_t width) {
    unsigned n = 0;
    for (const char c : text.substr(place, width)) {
        if (c < '0' || c > '9') return std::nullopt;
        n = n * 10 + static_cast<unsigned>(c - '0');
    }
    return n;
}

} // namespace

void append_time(std::chrono::system_clock::time_point when, std::string& out) {
    const auto second = std::chrono::floor<std::chrono::seconds>(when);
    append_date_and_time(second, out);
    append_padded(std::chrono::floor<std::chrono::milliseconds>(when - second).count(), 3, out += '.');
    out += 'Z';
}

void append_time(std::chrono::sys_seconds when, std::string& out) {
    append_date_and_time(when, out);
    out += 'Z';
}

std::optional<std::chrono::sys_seconds> parse_time(std::string_view text) {
    if (text.size() != 10 && text.size() != 20) return std::nullopt;
    const auto year = digits_at(text, 0, 4), month = digits_at(text, 5, 2), day = digits_at(text, 8, 2);
    if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month},
                                           std::chrono::day{*day}};
    if (!date.ok()) return std::nullopt;
    const std::chrono::sys_seconds midnight = std::chrono::sys_days{date};
    if (text.size() == 10) return midnight;
    const auto hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2), second = digits_at(text, 17, 2);
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    if (text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z') return std::nullopt;
    return midnight + std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

} // namespace buzon::state
