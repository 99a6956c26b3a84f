#include "buzon/talk/typed.h"

#include <algorithm>
#include <array>

#include "buzon/line/command_line.h"
#include "buzon/state/settings.h"
#include "buzon/talk/commands.h"
#include "buzon/talk/fields.h"
#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

using Names = std::initializer_list<std::string_view>;
using Words = std::vector<std::string_view>;

bool among(Names names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// The keys of events whose values are numbers; a name that consists of digits stays a string.
bool is_number_key(std::string_view key) {
    return among({"session",
                  "manager",
                  "port",
                  "count",
                  "messages",
                  "octets",
                  "bytes",
                  "received",
                  "retr",
                  "dele",
                  "seconds",
                  "milliseconds",
                  "idle-milliseconds",
                  "commands",
                  "sessions",
                  "changed",
                  "known",
                  "uidl-breaker",
                  "filter-fail",
                  "sent",
                  "lost"},
                 key);
}

bool is_number_of_info(std::string_view name) {
    return among({"port", "mgmt-port", "pid", "users", "uptime"}, name);
}

std::string setting_value(std::string_view name, const std::string& value) {
    const state::SettingField* const field = state::find_setting(name);
    if (field == nullptr) return json_string(value);
    if (field->is_flag() && (value == "on" || value == "off")) return value == "on" ? "true" : "false";
    return field->max > 0 ? json_number(value) : json_string(value);
}

std::string session_object(std::string_view line) {
    JsonObject item;
    bool tls = false;
    for (const auto& [name, value] : session_fields(line)) {
        const bool nothing = value == "-";
        if (name == "tls")
            tls = true;
        else if (among({"id", "age", "idle", "sent", "backlog", "messages"}, name))
            item.add(name, json_number(value));
        else if (name == "size")
            item.add(name, nothing ? "null" : json_number(value));
        else
            item.add(name, json_string(value));
    }
    return item.add("tls", tls ? "true" : "false").text();
}

std::string metric_object(std::string_view line) {
    const Field name = first_blank_field(line), type = first_blank_field(name.second),
                unit = first_blank_field(type.second);
    JsonObject item;
    item.add("name", json_string(name.first)).add("type", json_string(type.first));
    item.add("unit", unit.first == "-" ? "null" : json_string(unit.first)).add("meaning", json_string(unit.second));
    return item.text();
}

std::string event_object(std::string_view line) {
    JsonObject item;
    add_event(item, line);
    return item.text();
}

template <class Make>
void add_items(JsonObject& document, std::string_view name, const Reply& reply, Make make) {
    std::vector<std::string> items;
    for (const std::string& line : reply.lines) items.push_back(make(line));
    document.add(name, json_array(items));
}

// Adds the names and their values as "values", and the same object again as `also`, a name that says what they are.
template <class Print>
void add_values(JsonObject& document, std::string_view also, const std::vector<Field>& fields, Print print) {
    JsonObject values;
    for (const auto& [name, value] : fields) values.add(name, print(name, value));
    document.add("values", values.text());
    if (!also.empty()) document.add(also, values.text());
}

void add_users(JsonObject& document, const Reply& reply) {
    JsonObject locked;
    std::vector<std::string> names;
    for (const std::string& line : reply.lines) {
        const std::size_t mark = line.find(" locked ");
        names.push_back(json_string(line.substr(0, mark)));
        if (mark != std::string::npos) locked.add(line.substr(0, mark), json_string(line.substr(mark + 8)));
    }
    document.add("users", json_array(names)).add("locked", locked.text());
}

void add_settings(JsonObject& document, const Reply& reply, bool changed) {
    std::vector<Field> fields;
    std::vector<std::string> unsaved;
    for (const std::string& line : reply.lines) {
        Field field = first_blank_field(line);
        constexpr std::string_view mark = " unsaved";
        if (changed && field.second.ends_with(mark)) {
            field.second.resize(field.second.size() - mark.size());
            unsaved.push_back(json_string(field.first));
        }
        fields.push_back(std::move(field));
    }
    add_values(document, "settings", fields, setting_value);
    if (changed) document.add("unsaved", json_array(unsaved));
}

void add_lines(JsonObject& document, const Words& words, std::string_view command, const Reply& reply) {
    const bool one_word = words.size() == 1;
    const auto second = [&](std::string_view word) {
        return words.size() > 1 && line::equals_ignoring_case(words[1], word);
    };
    std::vector<Field> fields;
    if (has_verb(command, "METR") && second("?")) {
        add_items(document, "metrics", reply, metric_object);
    } else if (has_verb(command, "METR")) {
        for (const std::string& line : reply.lines) fields.push_back(last_blank_field(line));
        add_values(document, "metrics", fields, [](std::string_view, const std::string& v) { return json_number(v); });
    } else if (has_verb(command, "INFO")) {
        for (const std::string& line : reply.lines) fields.push_back(first_blank_field(line));
        add_values(document, {}, fields, [](std::string_view name, const std::string& value) {
            return is_number_of_info(name) ? json_number(value) : json_string(value);
        });
    } else if (has_verb(command, "CONF") && (one_word || second("CHANGED"))) {
        add_settings(document, reply, !one_word);
    } else if (has_verb(command, "USER") && second("LIST")) {
        add_users(document, reply);
    } else if (has_verb(command, "SESS")) {
        add_items(document, "sessions", reply, session_object);
    } else if (has_verb(command, "HIST")) {
        add_items(document, "points", reply, point_object);
    } else if (has_verb(command, "LOGG") || has_verb(command, "WHYY")) {
        add_items(document, "events", reply, event_object);
    }
}

// A one-line reply: the four values of METR, the three of INFO, or a single value.
void add_line(JsonObject& document, const Words& words, std::string_view command, const Reply& reply) {
    const auto number = [](std::string_view, const std::string& value) { return json_number(value); };
    const auto text = [](std::string_view, const std::string& value) { return json_string(value); };
    const bool one_word = words.size() == 1;
    if (has_verb(command, "METR") && one_word) {
        if (const auto fields = metr_fields(reply.text)) add_values(document, "metrics", *fields, number);
    } else if (has_verb(command, "INFO") && one_word) {
        if (const auto fields = info_fields(reply.text)) add_values(document, {}, *fields, text);
    } else if (has_verb(command, "CONF") && words.size() > 1) {
        document.add("value", setting_value(words[1], reply.text));
    } else if (has_verb(command, "METR") || has_verb(command, "PORT") || has_verb(command, "KICK") ||
               has_verb(command, "UNDL")) {
        document.add("value", json_number(reply.text));
    } else if (has_verb(command, "HOST") || has_verb(command, "DIRR") || has_verb(command, "IPV6") ||
               has_verb(command, "TRAN")) {
        document.add("value", json_string(reply.text));
    }
}

} // namespace

std::string point_object(std::string_view line) {
    const Field point = first_blank_field(line);
    JsonObject object, buckets;
    object.add("time", json_string(point.first));
    if (!is_spread(point.second)) return object.add("value", json_number(point.second)).text();
    for (const auto& [bound, count] : buckets_of(point.second)) buckets.add(bound, json_number(count));
    return object.add("buckets", buckets.text()).text();
}

void add_typed(JsonObject& document, std::string_view command, const Reply& reply) {
    const Words words = words_of(command);
    if (!reply.ok || words.empty()) return;
    if (reply.has_lines)
        add_lines(document, words, command, reply);
    else
        add_line(document, words, command, reply);
}

void add_event(JsonObject& object, std::string_view line) {
    for (const auto& [name, value] : event_fields(line))
        object.add(name, is_number_key(name) ? json_number(value) : json_string(value));
}

} // namespace buzon::client
