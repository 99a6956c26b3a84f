// manage/table.cpp - the command table of the management protocol: commands, access and meaning.
#include <algorithm>
#include <iterator>

#include "buzon/line/command_line.h"
#include "commands.h"
#include "words.h"

namespace buzon::manage {
namespace {

constexpr auto free = [](std::string_view) { return Access::free; };
constexpr auto served = [](std::string_view) { return Access::served; };
constexpr auto guarded = [](std::string_view) { return Access::guarded; };
constexpr auto guarded_change = [](std::string_view argument) {
    return argument.empty() ? Access::served : Access::guarded;
};

// TRAN, TRAN 0, TRAN 1 and TRAN FOR name are served; only an administrator may choose a program.
constexpr auto tran_access = [](std::string_view argument) {
    std::string_view rest = argument;
    const std::string_view word = take_word(rest);
    if (line::equals_ignoring_case(word, "FOR"))
        return (void)take_word(rest), skip_blanks(rest).empty() ? Access::served : Access::guarded;
    const bool on_off = (word == "0" || word == "1") && skip_blanks(rest).empty();
    return argument.empty() || on_off ? Access::served : Access::guarded;
};
constexpr auto conf_access = [](std::string_view argument) {
    const std::string_view name = take_word(argument);
    return name == "?" || skip_blanks(argument).empty() ? Access::served : Access::guarded;
};
constexpr auto user_access = [](std::string_view argument) {
    return line::equals_ignoring_case(take_word(argument), "LIST") ? Access::served : Access::guarded;
};

constexpr Command table[] = {
    {"METR", "[* | name]", "the metrics: messages;bytes;online;historic, all with names, or one", free, commands::metr},
    {"INFO", "[*]", "the server: host;basedir;ip, or everything with names", free, commands::info},
    {"TRAN", "[0 | 1 | SPEC | FOR name [0 | 1 | SPEC]]",
     "show the transformation, switch it off or on, or set it; for all users or one", tran_access, commands::tran},
    {"HOST", "[name]", "the name used in the greeting", served, commands::host},
    {"DIRR", "[path]", "the mail root; a change applies to later logins", guarded_change, commands::dirr},
    {"PORT", "[port]", "the POP3 port", served, commands::port},
    {"IPV6", "[address]", "the POP3 listen address, IPv6 or IPv4", served, commands::ipv6},
    {"LOGG", "[count | FOLLOW]", "the last log lines, or new ones live until you send a line", served, commands::logg},
    {"EVNT", "[type ...]", "events, live until you send a line", served, commands::evnt},
    {"HIST", "metric minute|hour|day|week [count]", "the history of a metric", served, commands::hist},
    {"CONF", "[name [value] | ? [name]]", "the settings: show all or one, change one; ? explains them", conf_access,
     commands::conf},
    {"SESS", "", "the current POP3 sessions", served, commands::sess},
    {"KICK", "id | user", "end a session, or all sessions of a user; nothing is deleted", guarded, commands::kick},
    {"USER", "LIST | ADD name password | PASS name password | DEL name",
     "list users, add one, change a password, remove one", user_access, commands::user},
    {"WHYY", "user", "the last sessions and refusals of a user, with the reasons", served, commands::whyy},
    {"UNDL", "user [since]", "restore deleted mail, all or since a time (ISO 8601, UTC)", guarded, commands::undl},
    {"FREE", "user", "let a user log in although their UIDLs changed", guarded, commands::free},
    {"SAVE", "", "write run-time changes to the files they came from", guarded, commands::save},
    {"DRAIN", "", "accept no new logins; exit when all sessions have ended", guarded, commands::drain},
    {"AUTH", "name password", "log in as an administrator", free, commands::auth},
    {"HELP", "[command]", "this list", free, commands::help},
    {"NOOP", "", "do nothing", free, commands::noop},
    {"QUIT", "", "end the connection", free, commands::quit},
};

std::string help_line(const Command& command) {
    std::string line{command.keyword};
    if (!command.arguments.empty()) line.append(" ").append(command.arguments);
    return line.append(" - ").append(command.meaning);
}

} // namespace

const Command* find_command(std::string_view keyword) {
    // Keywords have four letters, except DRAIN, which may also be written DRAI.
    const auto found = std::find_if(std::begin(table), std::end(table), [&](const Command& command) {
        return line::equals_ignoring_case(keyword, command.keyword) ||
               line::equals_ignoring_case(keyword, command.keyword.substr(0, 4));
    });
    return found == std::end(table) ? nullptr : &*found;
}

std::size_t command_count() noexcept {
    return std::size(table);
}

CommandHelp command_help(std::size_t index) noexcept {
    return {table[index].keyword, table[index].arguments, table[index].meaning};
}

namespace commands {

Action help(Impl& session, std::string_view argument, std::string& out) {
    std::vector<std::string> lines;
    if (!argument.empty()) {
        const Command* const command = find_command(trim_blanks(argument));
        if (command == nullptr) return session.fail("no such command", out);
        lines.push_back(help_line(*command));
    } else {
        for (const Command& command : table) lines.push_back(help_line(command));
    }
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
