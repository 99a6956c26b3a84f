#include "buzon/talk/view.h"

#include <algorithm>

#include "buzon/line/command_line.h"

#include "buzon/talk/commands.h"
#include "buzon/talk/fields.h"
#include "buzon/talk/json.h"
#include "buzon/talk/typed.h"
#include "buzon/terminal/table.h"
#include "buzon/terminal/text.h"
#include "human.h"

namespace buzon::client {
namespace {

// The kind of lines in a list.
enum class Kind { plain, metrics, settings, sessions, history };

Kind kind_of(std::string_view command) {
    const auto words = words_of(command);
    const bool star = words.size() > 1 && (words[1] == "*" || line::equals_ignoring_case(words[1], "ALL"));
    if (has_verb(command, "METR") && star) return Kind::metrics;
    if (has_verb(command, "INFO") && star) return Kind::settings;
    const bool changed = words.size() == 2 && line::equals_ignoring_case(words[1], "CHANGED");
    if (has_verb(command, "CONF") && (words.size() == 1 || changed)) return Kind::settings;
    if (has_verb(command, "SESS")) return Kind::sessions;
    if (has_verb(command, "HIST")) return Kind::history;
    return Kind::plain;
}

// The named values of a one-line reply, if it has any.
std::optional<std::vector<Field>> named_text(std::string_view command, const Reply& reply) {
    if (words_of(command).size() != 1 || !reply.ok || reply.has_lines) return std::nullopt;
    if (has_verb(command, "METR")) return metr_fields(reply.text);
    if (has_verb(command, "INFO")) return info_fields(reply.text);
    return std::nullopt;
}

Field field_of(Kind kind, std::string_view line) {
    return kind == Kind::metrics ? last_blank_field(line) : first_blank_field(line);
}

// At a terminal (`room` is its width), values are formatted for people.
std::string name_value_table(std::string_view command, const std::vector<Field>& fields, std::size_t room) {
    std::vector<Cells> rows;
    for (const auto& [name, value] : fields)
        rows.push_back({name, room > 0 ? human_value(command, name, value) : value});
    return table({}, rows);
}

std::string sessions_table(std::string_view command, const std::vector<std::string>& lines, std::size_t room) {
    Cells heading;
    std::vector<std::vector<Field>> sessions;
    for (const std::string& line : lines) {
        sessions.push_back(session_fields(line));
        for (const auto& [name, value] : sessions.back()) {
            if (std::find(heading.begin(), heading.end(), name) == heading.end()) heading.push_back(name);
        }
    }
    std::vector<Cells> rows;
    for (const auto& session : sessions) {
        Cells row;
        for (const std::string& name : heading) {
            const std::string value{value_of(session, name)};
            row.push_back(room > 0 ? human_value(command, name, value) : value);
        }
        rows.push_back(std::move(row));
    }
    for (std::string& name : heading) name = upper(name);
    constexpr std::size_t kept = 3; // id, user and address: needed whole for KICK and to search the log
    return table(heading, rows, room, kept);
}

std::string person_list(std::string_view command, const Reply& reply, std::size_t room) {
    const Kind kind = kind_of(command);
    if (kind == Kind::sessions)
        return reply.lines.empty() ? "no sessions\n" : sessions_table(command, reply.lines, room);
    if (kind == Kind::plain) {
        std::string text;
        for (const std::string& line : reply.lines) text += printable(line) + '\n';
        return text;
    }
    std::vector<Field> fields;
    for (const std::string& line : reply.lines) fields.push_back(field_of(kind, line));
    return name_value_table(command, fields, room);
}

// A single value, asked for by its name.
std::string person_line(std::string_view command, const std::string& text, std::size_t room) {
    const auto words = words_of(command);
    const bool value = (has_verb(command, "METR") || has_verb(command, "CONF")) && words.size() > 1;
    return printable(room > 0 && value ? human_value(command, words[1], text) : text) + '\n';
}

std::string person(std::string_view command, const Reply& reply, std::size_t room) {
    if (!reply.ok) return printable(reply.status) + '\n';
    if (reply.has_lines) return person_list(command, reply, room);
    if (const auto fields = named_text(command, reply)) return name_value_table(command, *fields, room);
    return reply.text.empty() ? "OK\n" : person_line(command, reply.text, room);
}

std::string stuffed(std::string_view line) {
    return (!line.empty() && line.front() == '.' ? "." : "") + std::string{line} + '\n';
}

std::string raw(const Reply& reply) {
    std::string text = reply.status + '\n';
    for (const std::string& line : reply.lines) text += stuffed(line);
    return reply.has_lines ? text + ".\n" : text;
}

std::string json(std::string_view command, const Reply& reply) {
    JsonObject document;
    document.add("status", json_string(reply.ok ? "+OK" : "-ERR")).add("text", json_string(reply.text));
    add_typed(document, command, reply);
    if (reply.has_lines) {
        std::vector<std::string> lines;
        for (const std::string& line : reply.lines) lines.push_back(json_string(line));
        document.add("lines", json_array(lines));
    }
    return document.text() + '\n';
}

} // namespace

std::string show(Format format, std::string_view command, const Reply& reply, std::size_t room) {
    switch (format) {
    case Format::person: return person(command, reply, room);
    case Format::raw: return raw(reply);
    case Format::json: return json(command, reply);
    }
    return {};
}

std::string show_live_start(Format format, const Reply& reply) {
    return format == Format::raw ? reply.status + '\n' : "";
}

std::string show_live_line(Format format, std::string_view line) {
    if (format == Format::person) return printable(line) + '\n';
    if (format == Format::raw) return stuffed(line);
    JsonObject document;
    document.add("status", json_string("+OK")).add("text", json_string(""));
    JsonObject event;
    add_event(event, line);
    document.add("events", json_array({event.text()}));
    add_event(document, line);
    return document.add("line", json_string(line)).text() + '\n';
}

std::string show_live_end(Format format) {
    return format == Format::raw ? ".\n" : "";
}

} // namespace buzon::client
