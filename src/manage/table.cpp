// manage/table.cpp - the command table of the management protocol, and HELP.
#include <algorithm>
#include <iterator>

#include "buzon/line/command_line.h"
#include "commands.h"
#include "words.h"

namespace buzon::manage {
namespace {

// In the order of forms().
constexpr Command table[] = {
    {"METR", "metrics: all of them, one, or what they mean", commands::metr},
    {"HIST", "a metric's history", commands::hist},
    {"INFO", "name, mail root, addresses, version", commands::info},
    {"SESS", "the POP3 sessions now", commands::sess},
    {"WHYY", "why a user is refused", commands::whyy},
    {"LOGG", "the log, past or live", commands::logg},
    {"EVNT", "events, live", commands::evnt},
    {"KICK", "end a session, or all sessions of a user", commands::kick},
    {"USER", "list, add and remove users, set passwords", commands::user},
    {"UNDL", "restore a user's deleted mail", commands::undl},
    {"FREE", "let a user in although UIDLs changed", commands::free},
    {"CONF", "settings: show, explain, change", commands::conf},
    {"TRAN", "the program that mail passes through", commands::tran},
    {"HOST", "the name used in the greeting", commands::host},
    {"DIRR", "the mail root", commands::dirr},
    {"PORT", "the POP3 port", commands::port},
    {"IPV6", "the POP3 listen address, IPv6 or IPv4", commands::ipv6},
    {"SAVE", "write run-time changes to their files", commands::save},
    {"DRAIN", "take no new logins, exit when all sessions have ended", commands::drain},
    {"AUTH", "log in as an administrator", commands::auth},
    {"HELP", "this list, or one command in detail", commands::help},
    {"NOOP", "do nothing", commands::noop},
    {"QUIT", "end the connection", commands::quit},
};

std::string padded(std::string_view text, std::size_t width) {
    std::string line{text};
    line.resize(std::max(width, line.size() + 1), ' ');
    return line;
}

// One line per command, in groups: "METR   metrics: …   METR online".
std::vector<std::string> overview() {
    std::vector<std::string> lines;
    for (const Command& command : table) {
        for (const Group& group : groups()) {
            if (group.first_keyword != command.keyword) continue;
            if (!lines.empty()) lines.emplace_back();
            lines.push_back(padded(std::string{group.title} + ':', 51) + "for example");
        }
        lines.push_back(padded(command.keyword, 7) + padded(command.meaning, 44) +
                        std::string{example_of(command.keyword)});
    }
    lines.emplace_back();
    lines.emplace_back("HELP and a command shows its forms, HELP CONF also the settings by topic.");
    return lines;
}

void append_form(const Form& form, std::vector<std::string>& lines) {
    std::string text{form.keyword};
    if (!form.arguments.empty()) text.append(" ").append(form.arguments);
    lines.push_back(text.append(" - ").append(form.meaning));
    text.assign("    ").append(name_of(form.access)).append("; ").append(name_of(form.reply));
    if (!form.errors.empty()) text.append("; -ERR: ").append(form.errors);
    lines.push_back(std::move(text));
}

// Shows the defaults, not the current values, because anybody may use HELP.
void append_settings(std::vector<std::string>& lines) {
    static const state::Settings defaults;
    for (const state::SettingField& field : state::setting_fields()) {
        for (const state::SettingTopic& topic : state::setting_topics()) {
            if (topic.first_setting != field.name) continue;
            lines.emplace_back();
            lines.push_back(std::string{topic.title} + ':');
        }
        std::string text{field.name};
        if (field.type != state::SettingType::host) text.append(" ").append(print_setting(defaults, field));
        lines.push_back(text.append(" - ").append(field.meaning));
    }
}

} // namespace

const Command* find_command(std::string_view keyword) {
    const auto known = forms_of(keyword);
    const auto found = std::find_if(std::begin(table), std::end(table), [&](const Command& command) {
        return !known.empty() && command.keyword == known.front().keyword;
    });
    return found == std::end(table) ? nullptr : &*found;
}

Access access_to(std::string_view line) noexcept {
    if (const Form* const form = form_of(line)) return form->access;
    Access strictest = Access::free;
    for (const Form& form : forms_of(take_word(line))) strictest = std::max(strictest, form.access);
    return strictest;
}

std::size_t command_count() noexcept {
    return std::size(table);
}

CommandHelp command_help(std::size_t index) noexcept {
    return {table[index].keyword, table[index].meaning};
}

namespace commands {

Action help(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view keyword = trim_blanks(argument);
    if (keyword.empty()) return session.list(overview(), out);
    const Command* const command = find_command(keyword);
    if (command == nullptr) return session.fail("no such command, HELP lists them", out);
    std::vector<std::string> lines;
    for (const Form& form : forms_of(command->keyword)) append_form(form, lines);
    lines.push_back("for example: " + std::string{example_of(command->keyword)});
    if (command->keyword == "CONF") append_settings(lines);
    return session.list(std::move(lines), out);
}

Action noop(Impl& session, std::string_view, std::string& out) {
    return session.answer("", out);
}

Action quit(Impl&, std::string_view, std::string& out) {
    append_ok("goodbye", out);
    return Closing{};
}

} // namespace commands
} // namespace buzon::manage
