#include "buzon/terminal/units.h"

#include <chrono>
#include <cmath>

#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

std::string duration_text(double time) {
    const auto whole = [](double value) { return fixed(std::floor(value), 0); };
    if (time < 100) return whole(time) + 's';
    if (time < 100 * 60) return whole(time / 60) + 'm';
    if (time < 100 * 3600) return whole(time / 3600) + 'h';
    return whole(time / 86400) + 'd';
}

std::string grouped(std::string_view digits) {
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

} // namespace

Unit unit_of(std::string_view metric) {
    const auto holds = [metric](std::string_view part) { return metric.find(part) != std::string_view::npos; };
    if (holds("bytes") || holds("octets") || metric == "memory") return Unit::octets;
    if ((holds("-time-") || holds("-lag-")) && !metric.ends_with("-count")) return Unit::microseconds;
    if (metric == "start-time") return Unit::moment;
    if (metric == "loop-busy") return Unit::percent;
    return metric.ends_with("-seconds") ? Unit::seconds : Unit::number;
}

std::string measured(double value, Unit unit) {
    switch (unit) {
    case Unit::octets: return shortened(value, 1024);
    case Unit::number: return shortened(value);
    case Unit::seconds: return duration_text(value);
    case Unit::percent: return fixed(value, 0) + '%';
    case Unit::moment: return moment_text(static_cast<std::int64_t>(value));
    case Unit::microseconds: break;
    }
    if (value < 1000) return fixed(value, 0) + "us";
    if (value < 999'500) return fixed(value / 1000, value < 9950 ? 1 : 0) + "ms";
    return shortened(value / 1e6) + 's';
}

std::string readable(std::string_view text, Unit unit) {
    const auto value = number_of(text);
    if (!value || *value < 0) return std::string{text};
    const bool whole = text.find('.') == std::string_view::npos;
    return unit == Unit::number && whole ? grouped(text) : measured(*value, unit);
}

std::string moment_text(std::int64_t since_1970) {
    const std::chrono::sys_seconds when{std::chrono::seconds{since_1970}};
    const auto day = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{when - day};
    const auto two = [](long long n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return std::to_string(int{date.year()}) + '-' + two(unsigned{date.month()}) + '-' + two(unsigned{date.day()}) +
           ' ' + two(time.hours().count()) + ':' + two(time.minutes().count()) + ':' + two(time.seconds().count()) +
           " UTC";
}

std::string clock_text(std::int64_t since_1970) {
    return moment_text(since_1970).substr(11);
}

} // namespace buzon::client
