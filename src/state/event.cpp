// state/event.cpp - events as lines of text, JSON and syslog.
#include "buzon/state/event.h"

#include <algorithm>
#include <utility>

#include "escape.h"

namespace buzon::state {
namespace {

// Calls put(field) for the session, the user and each of the event's own fields.
template <class Put>
void each_pair(const Event& event, Put put) {
    if (event.session != 0) put(EventField{"session", event.session});
    if (!event.user.empty()) put(EventField{"user", event.user});
    for (const EventField& field : event.fields) put(field);
}

void append_body(const Event& event, std::string& out) {
    out += name_of(event.type);
    out.append(" level=").append(level_names[static_cast<std::size_t>(event.level)]);
    each_pair(event, [&](const EventField& field) {
        out.append(" ").append(field.key) += '=';
        if (field.is_number)
            append_number(field.number, out);
        else
            append_text_value(field.text, out);
    });
    if (!event.message.empty()) append_text_value(event.message, out += " msg=");
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
            append_json_value(field.text, out);
    });
    if (!event.message.empty()) append_json_value(event.message, out += ",\"msg\":");
    out += '}';
}

// The number in the SD-ID is the one that RFC 5612 reserves for examples, because the project has none of its own. The
// MSG repeats the content as text, because most syslog daemons write only that part to their files.
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
            append_syslog_value(field.text, out);
        }
    });
    out += any ? ']' : '-';
    append_body(event, out += ' ');
}

} // namespace

std::optional<EventType> event_type(std::string_view name) {
    const auto found = std::find(event_type_names.begin(), event_type_names.end(), name);
    if (found == event_type_names.end()) return std::nullopt;
    return static_cast<EventType>(found - event_type_names.begin());
}

void append_value(std::string_view value, std::string& out) {
    append_text_value(value, out);
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

} // namespace buzon::state
