#include "view.h"

#include <algorithm>

#include "commands.h"
#include "fields.h"
#include "json.h"
#include "table.h"
#include "text.h"

namespace buzon::client {
namespace {

// The kind of lines in a list.
enum class Kind { plain, metrics, settings, sessions, history };

Kind kind_of(std::string_view command) {
    const auto words = words_of(command);
    const bool star = words.size() > 1 && words[1] == "*";
    if (has_verb(command, "METR") && star) return Kind::metrics;
    if ((has_verb(command, "INFO") && star) || (has_verb(command, "CONF") && words.size() == 1)) return Kind::settings;
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

std::string name_value_table(const std::vector<Field>& fields) {
    std::vector<Cells> rows;
    for (const auto& [name, value] : fields) rows.push_back({name, value});
    return table({}, rows);
}

std::string sessions_table(const std::vector<std::string>& lines, std::size_t room) {
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
        for (const std::string& name : heading) row.emplace_back(value_of(session, name));
        rows.push_back(std::move(row));
    }
    for (std::string& name : heading) name = upper(name);
    constexpr std::size_t kept = 3; // id, user and address: needed whole for KICK and to search the log
    return table(heading, rows, room, kept);
}

std::string person_list(Kind kind, const Reply& reply, std::size_t room) {
    if (kind == Kind::sessions) return reply.lines.empty() ? "no sessions\n" : sessions_table(reply.lines, room);
    if (kind == Kind::plain) {
        std::string text;
        for (const std::string& line : reply.lines) text += printable(line) + '\n';
        return text;
    }
    std::vector<Field> fields;
    for (const std::string& line : reply.lines) fields.push_back(field_of(kind, line));
    return name_value_table(fields);
}

std::string person(std::string_view command, const Reply& reply, std::size_t room) {
    if (!reply.ok) return printable(reply.status) + '\n';
    if (reply.has_lines) return person_list(kind_of(command), reply, room);
    if (const auto fields = named_text(command, reply)) return name_value_table(*fields);
    return (reply.text.empty() ? "OK" : printable(reply.text)) + '\n';
}

std::string stuffed(std::string_view line) {
    return (!line.empty() && line.front() == '.' ? "." : "") + std::string{line} + '\n';
}

std::string raw(const Reply& reply) {
    std::string text = reply.status + '\n';
    for (const std::string& line : reply.lines) text += stuffed(line);
    return reply.has_lines ? text + ".\n" : text;
}

// Adds the list in parsed form beside "lines", under a name for its content.
void add_parts(JsonObject& document, Kind kind, const std::vector<std::string>& lines) {
    if (kind == Kind::plain) return;
    if (kind == Kind::metrics || kind == Kind::settings) {
        JsonObject values;
        for (const std::string& line : lines) {
            const Field field = field_of(kind, line);
            values.add(field.first, kind == Kind::metrics ? json_number(field.second) : json_string(field.second));
        }
        document.add("values", values.text());
        return;
    }
    std::vector<std::string> items;
    for (const std::string& line : lines) {
        JsonObject item;
        if (kind == Kind::history) {
            const Field point = first_blank_field(line);
            item.add("time", json_string(point.first)).add("value", json_number(point.second));
        } else {
            for (const auto& [name, value] : session_fields(line)) item.add(name, json_string(value));
        }
        items.push_back(item.text());
    }
    document.add(kind == Kind::history ? "points" : "sessions", json_array(items));
}

std::string json(std::string_view command, const Reply& reply) {
    JsonObject document;
    document.add("status", json_string(reply.ok ? "+OK" : "-ERR")).add("text", json_string(reply.text));
    if (const auto fields = named_text(command, reply)) {
        JsonObject values;
        const bool numbers = has_verb(command, "METR");
        for (const auto& [name, value] : *fields) values.add(name, numbers ? json_number(value) : json_string(value));
        document.add("values", values.text());
    }
    if (reply.has_lines) {
        std::vector<std::string> lines;
        for (const std::string& line : reply.lines) lines.push_back(json_string(line));
        add_parts(document, kind_of(command), reply.lines);
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

std::string show_live_line(Format format, std::string_view command, std::string_view line) {
    if (format == Format::person) return printable(line) + '\n';
    if (format == Format::raw) return stuffed(line);
    JsonObject document;
    if (has_verb(command, "EVNT")) {
        for (const auto& [name, value] : event_fields(line)) document.add(name, json_string(value));
    }
    return document.add("line", json_string(line)).text() + '\n';
}

std::string show_live_end(Format format) {
    return format == Format::raw ? ".\n" : "";
}

} // namespace buzon::client
