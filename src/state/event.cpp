// state/event.cpp - events as text, JSON and syslog lines; times as ISO 8601.
#include "buzon/state/event.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

namespace buzon::state {
namespace {

constexpr std::size_t max_value = 512;
constexpr char hex_digits[] = "0123456789ABCDEF";

// The length of the valid UTF-8 sequence that begins text, 0 for none. C1 controls (U+0080..U+009F), which terminals
// obey, and surrogates and overlong forms (RFC 3629) are not taken for valid.
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
    const unsigned first = at(0);
    if (first < 0xC2) return 0;
    if (first < 0xE0) return tail(1) && !(first == 0xC2 && at(1) < 0xA0) ? 2 : 0;
    if (first < 0xF0) {
        if (!tail(1) || !tail(2)) return 0;
        return (first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) >= 0xA0) ? 0 : 3;
    }
    if (first > 0xF4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    return (first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) >= 0x90) ? 0 : 4;
}

// A value cut to what a line may hold, never inside a character.
struct Cut {
    std::string_view text;
    bool more;
};
Cut cut(std::string_view text) {
    if (text.size() <= max_value) return {text, false};
    std::size_t end = max_value - 3;
    for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u; ++i)
        --end;
    return {text.substr(0, end), true};
}

void append_number(std::uint64_t number, std::string& out) {
    char digits[20];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    (void)error; // 20 digits always do
    out.append(digits, end);
}

void append_hex(char c, std::string& out) {
    out += hex_digits[static_cast<unsigned char>(c) >> 4];
    out += hex_digits[static_cast<unsigned char>(c) & 15u];
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// Quoted or bare, as event.h says.
void append_value(std::string_view value, std::string& out) {
    const auto plain = [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '='; };
    const Cut part = cut(value);
    if (!value.empty() && !part.more && std::all_of(value.begin(), value.end(), plain)) {
        out += value;
        return;
    }
    out += '"';
    for (std::size_t i = 0; i < part.text.size();) {
        const char c = part.text[i];
        if (const std::size_t n = utf8_length(part.text.substr(i)); n != 0) {
            out += part.text.substr(i, n);
            i += n;
            continue;
        }
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (is_control(c) || static_cast<unsigned char>(c) >= 0x80)
            append_hex(c, out += "\\x");
        else
            out += c;
        ++i;
    }
    if (part.more) out += "...";
    out += '"';
}

// RFC 8259 section 7. Octets that are no UTF-8 become U+FFFD: JSON has no way to write them.
void append_json_string(std::string_view value, std::string& out) {
    const Cut part = cut(value);
    out += '"';
    for (std::size_t i = 0; i < part.text.size();) {
        const char c = part.text[i];
        if (const std::size_t n = utf8_length(part.text.substr(i)); n != 0) {
            out += part.text.substr(i, n);
            i += n;
            continue;
        }
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (is_control(c))
            append_hex(c, out += "\\u00");
        else if (static_cast<unsigned char>(c) >= 0x80)
            out += "\\uFFFD";
        else
            out += c;
        ++i;
    }
    if (part.more) out += "...";
    out += '"';
}

// RFC 5424 section 6.3.3: '"', '\' and ']' are escaped; controls we write as they would show in the text form.
void append_sd_value(std::string_view value, std::string& out) {
    const Cut part = cut(value);
    out += '"';
    for (std::size_t i = 0; i < part.text.size();) {
        const char c = part.text[i];
        if (const std::size_t n = utf8_length(part.text.substr(i)); n != 0) {
            out += part.text.substr(i, n);
            i += n;
            continue;
        }
        if (c == '"' || c == '\\' || c == ']')
            (out += '\\') += c;
        else if (is_control(c) || static_cast<unsigned char>(c) >= 0x80)
            append_hex(c, out += "\\\\x");
        else
            out += c;
        ++i;
    }
    if (part.more) out += "...";
    out += '"';
}

// Everything behind the timestamp and the type, through one function for each value: (key, field).
template <class Put>
void each_pair(const Event& event, Put put) {
    if (event.session != 0) put(EventField{"session", event.session});
    if (!event.user.empty()) put(EventField{"user", event.user});
    for (const EventField& field : event.fields)
        put(field);
}

void append_body(const Event& event, std::string& out) {
    out += name_of(event.type);
    out.append(" level=").append(level_names[static_cast<std::size_t>(event.level)]);
    each_pair(event, [&](const EventField& field) {
        out.append(" ").append(field.key) += '=';
        if (field.is_number)
            append_number(field.number, out);
        else
            append_value(field.text, out);
    });
    if (!event.message.empty()) append_value(event.message, out += " msg=");
}

// RFC 5424 section 6.2.1: facility 2 is the mail system.
unsigned severity(Level level) {
    static constexpr std::array<unsigned, 5> severities = {3, 4, 5, 6, 7};
    return severities[static_cast<std::size_t>(level)];
}

void append_json(const Event& event, std::string& out) {
    out += "{\"time\":\"";
    append_time(event.when, out);
    out.append("\",\"type\":\"").append(name_of(event.type));
    out.append("\",\"level\":\"").append(level_names[static_cast<std::size_t>(event.level)]) += '"';
    each_pair(event, [&](const EventField& field) {
        out.append(",\"").append(field.key).append("\":");
        if (field.is_number)
            append_number(field.number, out);
        else
            append_json_string(field.text, out);
    });
    if (!event.message.empty()) append_json_string(event.message, out += ",\"msg\":");
    out += '}';
}

// The SD-ID's number is the one RFC 5612 sets aside for examples: the project has none of its own.
void append_syslog(const Event& event, const LogOrigin& origin, std::string& out) {
    out += '<';
    append_number(2 * 8 + severity(event.level), out);
    out += ">1 ";
    append_time(event.when, out);
    out.append(" ").append(origin.host.empty() ? std::string_view{"-"} : std::string_view{origin.host});
    out += " buzon ";
    if (origin.process != 0)
        append_number(origin.process, out);
    else
        out += '-';
    out.append(" ").append(name_of(event.type)) += ' ';
    bool any = false;
    each_pair(event, [&](const EventField& field) {
        if (!std::exchange(any, true)) out += "[buzon@32473";
        out.append(" ").append(field.key) += '=';
        if (field.is_number) {
            out += '"';
            append_number(field.number, out);
            out += '"';
        } else {
            append_sd_value(field.text, out);
        }
    });
    out += any ? ']' : '-';
    if (!event.message.empty()) {
        std::string quoted;
        append_value(event.message, quoted);
        out += ' ';
        out += quoted;
    }
}

void append_padded(long long number, int width, std::string& out) {
    char text[24];
    const int n = std::snprintf(text, sizeof text, "%0*lld", width, number);
    out.append(text, static_cast<std::size_t>(n));
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

// Exactly `width` digits at a place.
std::optional<unsigned> digits_at(std::string_view text, std::size_t place, std::size_t width) {
    unsigned n = 0;
    for (const char c : text.substr(place, width)) {
        if (c < '0' || c > '9') return std::nullopt;
        n = n * 10 + static_cast<unsigned>(c - '0');
    }
    return n;
}

} // namespace

std::optional<EventType> event_type(std::string_view name) {
    const auto found = std::find(event_type_names.begin(), event_type_names.end(), name);
    if (found == event_type_names.end()) return std::nullopt;
    return static_cast<EventType>(found - event_type_names.begin());
}

void format_text(const Event& event, std::string& out) {
    append_time(event.when, out);
    append_body(event, out += ' ');
}

void format_event(const Event& event, LogFormat format, const LogOrigin& origin, std::string& out) {
    switch (format) {
    case LogFormat::text: format_text(event, out); break;
    case LogFormat::json: append_json(event, out); break;
    case LogFormat::syslog: append_syslog(event, origin, out); break;
    case LogFormat::journal:
        out += '<';
        append_number(severity(event.level), out);
        append_body(event, out += '>');
        break;
    }
}

void append_word(std::string_view text, std::string& out) {
    if (text.empty()) {
        out += '-';
        return;
    }
    for (std::size_t i = 0; i < text.size();) {
        if (const std::size_t n = utf8_length(text.substr(i)); n != 0) {
            out += text.substr(i, n);
            i += n;
            continue;
        }
        const char c = text[i++];
        const bool lone_dash = c == '-' && text.size() == 1; // would read as "none"
        if (c <= ' ' || c == '%' || c == 0x7F || static_cast<unsigned char>(c) >= 0x80 || lone_dash)
            append_hex(c, out += '%');
        else
            out += c;
    }
}

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
