// state/event.h - one thing that happened, and how it is written down. Knows no clock and no descriptors.
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
    refused, // a connection or login was turned away by a limit, a lock or a rule: reason=
    login,
    auth_fail,
    logout, // the end of a logged-in session: reason=
    retr,
    top,
    dele, // a message was removed by QUIT
    filter_fail,
    config, // a setting, user or address was changed while running
    kick,
    uidl, // the circuit breaker of UIDLs opened or was released
    undelete,
    manager, // a manager connected, logged in, failed to or left
    log      // a line of the log that is no other event: msg=
};
inline constexpr std::array<std::string_view, 16> event_type_names = {
    "server", "connect",     "refused", "login", "auth-fail", "logout",   "retr",    "top",
    "dele",   "filter-fail", "config",  "kick",  "uidl",      "undelete", "manager", "log"};
static_assert(static_cast<std::size_t>(EventType::log) + 1 == event_type_names.size());

enum class Level : std::uint8_t { error, warning, notice, info, debug };
inline constexpr std::array<std::string_view, 5> level_names = {"error", "warning", "notice", "info", "debug"};

enum class LogFormat : std::uint8_t {
    text,   // TIMESTAMP TYPE key=value ...
    json,   // one object a line
    syslog, // RFC 5424, with the text behind its structured data
    journal // the text without its timestamp behind "<PRIORITY>", as sd-daemon(3) reads it from stderr
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

// The level at which a type of event is logged when its publisher says nothing else.
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
    case EventType::uidl: return Level::warning;
    default: return Level::info;
    }
}

// key=value. The key is a literal of ours; the value may hold anything, it is escaped where it is written.
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

// Everything in it is borrowed for the time of one publish(). Secrets have no place in any of it.
struct Event {
    EventType type = EventType::log;
    Level level = Level::info;
    std::chrono::system_clock::time_point when;
    std::uint64_t session = 0;     // 0: belongs to no session
    std::string_view user = {};    // "": none
    std::string_view message = {}; // free text, written as msg="..."
    std::span<const EventField> fields = {};
};

// What RFC 5424 wants to know about the sender.
struct LogOrigin {
    std::string host = "-";
    std::uint64_t process = 0;
};

// "2026-11-23T15:14:34.123Z login level=info session=17 user=user1 ip=::1", without a line end. Values that are not
// plain printable words are quoted, with \" \\ \n \r \t and \xHH inside; none is longer than 512 octets (then "..."
// ends it).
void format_text(const Event& event, std::string& out);
// The same content in the given format; text gives what format_text does.
void format_event(const Event& event, LogFormat format, const LogOrigin& origin, std::string& out);

// Text between spaces: octets that would break a line or a field apart (blanks, controls, '%') are written %XX; an
// empty text is "-". For the fixed columns of SESS and the like.
void append_word(std::string_view text, std::string& out);

// "2026-11-23T15:14:34.123Z" and "2026-11-23T15:14:00Z", always UTC.
void append_time(std::chrono::system_clock::time_point when, std::string& out);
void append_time(std::chrono::sys_seconds when, std::string& out);
// "2026-11-23", or with "T15:14:00Z" behind; nothing for anything else.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);

} // namespace buzon::state
