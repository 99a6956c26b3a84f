// state/event.h - an event and its text forms. Does not read the clock. No I/O.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace buzon::state {

enum class EventType : std::uint8_t {
    server,  // started, stopping, draining
    connect, // a POP3 connection was accepted
    refused, // a limit, a lock or a rule turned away a connection or login: reason=
    login,
    auth_fail,
    logout, // the end of a logged-in session: reason=
    retr,
    top,
    dele, // a message was removed by QUIT
    filter_fail,
    config, // a setting, user or address was changed at run time
    kick,
    uidl, // the UIDL circuit breaker tripped or was reset
    undelete,
    guessing, // one source tries many users (ip=), or many sources try one user (user=)
    manager,  // a manager connected, logged in, failed to log in, or left
    log       // any other log line: msg=
};
inline constexpr std::array<std::string_view, 17> event_type_names = {
    "server",      "connect", "refused", "login", "auth-fail", "logout",   "retr",    "top", "dele",
    "filter-fail", "config",  "kick",    "uidl",  "undelete",  "guessing", "manager", "log"};
static_assert(static_cast<std::size_t>(EventType::log) + 1 == event_type_names.size());

enum class Level : std::uint8_t { error, warning, notice, info, debug };
inline constexpr std::array<std::string_view, 5> level_names = {"error", "warning", "notice", "info", "debug"};

enum class LogFormat : std::uint8_t {
    text,   // TIMESTAMP TYPE key=value ...
    json,   // one object per line
    syslog, // RFC 5424, with the text after the structured data
    journal // "<PRIORITY>" and the text without its timestamp, for sd-daemon(3) on stderr
};
inline constexpr std::array<std::string_view, 4> log_format_names = {"text", "json", "syslog", "journal"};

[[nodiscard]] constexpr std::string_view name_of(EventType type) noexcept {
    return event_type_names[static_cast<std::size_t>(type)];
}
[[nodiscard]] std::optional<EventType> event_type(std::string_view name);

using EventMask = std::uint32_t;
[[nodiscard]] constexpr EventMask mask_of(EventType type) noexcept {
    return EventMask{1} << static_cast<unsigned>(type);
}
inline constexpr EventMask every_event = ~EventMask{0};

// The level of a type of event, unless its publisher gives another.
[[nodiscard]] constexpr Level level_of(EventType type) noexcept {
    switch (type) {
    case EventType::connect:
    case EventType::retr:
    case EventType::top:
    case EventType::dele: return Level::debug;
    case EventType::refused:
    case EventType::auth_fail:
    case EventType::config:
    case EventType::kick:
    case EventType::server: return Level::notice;
    case EventType::filter_fail:
    case EventType::guessing:
    case EventType::uidl: return Level::warning;
    default: return Level::info;
    }
}

// key=value. The key is one of our literals; the value may contain anything and is escaped when written.
struct EventField {
    std::string_view key;
    std::string_view text;
    std::uint64_t number = 0;
    bool is_number = false;

    constexpr EventField(std::string_view k, std::string_view v) : key{k}, text{v} {}
    constexpr EventField(std::string_view k, const char* v) : key{k}, text{v} {}
    EventField(std::string_view k, const std::string& v) : key{k}, text{v} {}
    template <class Number>
    requires std::is_integral_v<Number>
    constexpr EventField(std::string_view k, Number v)
        : key{k}, number{static_cast<std::uint64_t>(v)}, is_number{true} {}
};

// Its views are used only during publish(). It must not contain secrets.
struct Event {
    EventType type = EventType::log;
    Level level = Level::info;
    std::chrono::system_clock::time_point when;
    std::uint64_t session = 0;     // 0: belongs to no session
    std::string_view user = {};    // "": none
    std::string_view message = {}; // free text, written as msg="..."
    std::span<const EventField> fields = {};
};

// The sender, as RFC 5424 wants it.
struct LogOrigin {
    std::string host = "-";
    std::uint64_t process = 0;
};

// "2026-11-23T15:14:34.123Z login level=info session=17 user=user1 ip=::1", without a line end. Values that are not
// plain printable words are quoted, with \" \\ \n \r \t and \xHH inside. Values longer than 512 octets are cut to that
// length and end in "...".
void format_text(const Event& event, std::string& out);
// The same content in the given format; LogFormat::text gives the same as format_text().
void format_event(const Event& event, LogFormat format, const LogOrigin& origin, std::string& out);

// Appends the value of a pair, as in such a line.
void append_value(std::string_view value, std::string& out);

// Appends one word, for listings with fixed columns such as SESS. Octets that would split a line or a field (blanks,
// controls, '%') are written as %XX, an empty text as "-".
void append_word(std::string_view text, std::string& out);

// "2026-11-23T15:14:34.123Z" and "2026-11-23T15:14:00Z", always UTC.
void append_time(std::chrono::system_clock::time_point when, std::string& out);
void append_time(std::chrono::sys_seconds when, std::string& out);
// Parses "2026-11-23" or "2026-11-23T15:14:00Z"; std::nullopt for anything else.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);

} // namespace buzon::state
