// manage/changes.cpp - the commands that change the server. They check the syntax and leave the rest to
// the connection.
#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "commands.h"
#include "words.h"

namespace buzon::manage::commands {
namespace {

// The argument if it is exactly one word, else nothing.
std::optional<std::string_view> only_word(std::string_view argument) {
    const std::string_view word = take_word(argument);
    if (word.empty() || !skip_blanks(argument).empty()) return std::nullopt;
    return word;
}

// "name rest": the rest may contain blanks and must not be empty.
struct NameAndRest {
    std::string name;
    posix::SecretText rest;
};
std::optional<NameAndRest> name_and_rest(std::string_view argument) {
    const std::string_view name = take_word(argument);
    if (name.empty() || argument.empty()) return std::nullopt;
    return NameAndRest{std::string{name}, argument};
}

Action transform_of(Impl& session, std::optional<std::string> user, std::string_view what, std::string& out) {
    const std::string_view word = trim_blanks(what);
    if (word.empty()) {
        const auto now = session.host.transform(user);
        if (!now) return session.fail("no such user", out);
        return session.answer(*now, out);
    }
    if (word == "0") return ChangeTransform{std::move(user), Switch::off, {}};
    if (word == "1") return ChangeTransform{std::move(user), Switch::on, {}};
    return ChangeTransform{std::move(user), Switch::set, std::string{skip_blanks(what)}};
}

Action change(Impl& session, std::string_view name, std::string_view value, std::string& out) {
    state::Settings trial = session.host.settings();
    if (const auto wrong = change_setting(trial, name, value)) return session.fail(*wrong, out);
    return ChangeSetting{std::string{name}, std::string{value}};
}

const state::Settings& defaults() {
    static const state::Settings all;
    return all;
}

std::string explain(const state::Settings& settings, const state::SettingField& field) {
    std::string line{field.name};
    line.append(" ").append(print_setting(settings, field)).append(" (").append(field.allowed(field));
    if (field.type != state::SettingType::host) line.append("; default ").append(print_setting(defaults(), field));
    return line.append("): ").append(field.meaning);
}

Action explain_settings(Impl& session, std::string_view name, std::string& out) {
    const state::Settings& settings = session.host.settings();
    std::vector<std::string> lines;
    for (const state::SettingField& field : state::setting_fields())
        if (name.empty() || field.name == name) lines.push_back(explain(settings, field));
    if (lines.empty()) return session.fail("no such setting, CONF lists them", out);
    return session.list(std::move(lines), out);
}

Action list_settings(Impl& session, std::string& out) {
    std::vector<std::string> lines;
    for (const state::SettingField& field : state::setting_fields())
        lines.push_back(std::string{field.name} + ' ' + print_setting(session.host.settings(), field));
    return session.list(std::move(lines), out);
}

// "name value", and "unsaved" if a manager changed it and has not saved it.
Action list_changed(Impl& session, std::string& out) {
    std::vector<std::string> lines;
    for (const state::SettingField& field : state::setting_fields()) {
        const std::string value = print_setting(session.host.settings(), field);
        const bool is_host = field.type == state::SettingType::host;
        if (value == (is_host ? session.host.default_host() : print_setting(defaults(), field))) continue;
        std::string& line = lines.emplace_back(field.name);
        const bool unsaved = session.host.is_unsaved(line);
        line.append(1, ' ').append(value).append(unsaved ? " unsaved" : "");
    }
    return session.list(std::move(lines), out);
}

// USER SECRET ADD|DEL|LIST user ...
Action secret(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view what = take_word(argument);
    const std::string user{take_word(argument)};
    if (user.empty()) return session.fail("usage: USER SECRET ADD user label secret, DEL user label or LIST user", out);
    if (line::equals_ignoring_case(what, "LIST") && skip_blanks(argument).empty()) {
        auto lines = session.host.secrets(user);
        return lines ? session.list(std::move(*lines), out) : session.fail("no such user", out);
    }
    if (line::equals_ignoring_case(what, "ADD")) {
        auto given = name_and_rest(argument);
        if (given) return AddSecret{user, std::move(given->name), std::move(given->rest)};
        return session.fail("a user, a label and a secret are required", out);
    }
    if (line::equals_ignoring_case(what, "DEL")) {
        if (const auto label = only_word(argument)) return RemoveSecret{user, std::string{*label}};
    }
    return session.fail("usage: USER SECRET ADD user label secret, DEL user label or LIST user", out);
}

} // namespace

Action tran(Impl& session, std::string_view argument, std::string& out) {
    std::string_view rest = argument;
    if (!line::equals_ignoring_case(take_word(rest), "FOR")) return transform_of(session, std::nullopt, argument, out);
    const std::string_view user = take_word(rest);
    if (user.empty()) return session.fail("TRAN FOR needs a user", out);
    return transform_of(session, std::string{user}, rest, out);
}

Action host(Impl& session, std::string_view argument, std::string& out) {
    if (argument.empty()) return session.answer(session.host.settings().host, out);
    return change(session, "host", trim_blanks(argument), out);
}

Action dirr(Impl& session, std::string_view argument, std::string& out) {
    if (argument.empty()) return session.answer(session.host.directory(), out);
    return ChangeDirectory{std::string{argument}};
}

Action port(Impl& session, std::string_view argument, std::string& out) {
    if (argument.empty()) return session.answer(std::to_string(session.host.port()), out);
    const auto number = line::parse_whole<std::uint64_t>(trim_blanks(argument), 0, 65535);
    if (!number) return session.fail("a port is a whole number from 0 to 65535; 0 means any free port", out);
    return ChangePort{static_cast<std::uint16_t>(*number)};
}

Action ipv6(Impl& session, std::string_view argument, std::string& out) {
    if (argument.empty()) return session.answer(session.host.address(), out);
    const auto address = only_word(argument);
    if (!address) return session.fail("IPV6 takes one address", out);
    return ChangeAddress{std::string{*address}};
}

Action conf(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view name = take_word(argument);
    if (name.empty()) return list_settings(session, out);
    const std::string_view value = trim_blanks(argument);
    if (name == "?") return explain_settings(session, value, out);
    if (line::equals_ignoring_case(name, "CHANGED") && value.empty()) return list_changed(session, out);
    const state::SettingField* const field = state::find_setting(name);
    if (field == nullptr) return session.fail("no such setting, CONF lists them", out);
    if (value.empty()) return session.answer(print_setting(session.host.settings(), *field), out);
    return change(session, name, value, out);
}

Action kick(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view whom = trim_blanks(argument);
    if (whom.empty()) return session.fail("KICK needs a session or a user", out);
    const auto id = line::parse_whole<std::uint64_t>(whom, 1, UINT64_MAX);
    std::size_t ended = id ? session.host.kick(*id) : 0;
    if (ended == 0) ended = session.host.kick_user(whom); // a name may consist of digits
    if (ended == 0) return session.fail("no such session, and no such user is logged in", out);
    session.note(state::EventType::kick, {{"target", whom}, {"sessions", ended}});
    return session.answer(std::to_string(ended), out);
}

Action user(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view what = take_word(argument);
    if (line::equals_ignoring_case(what, "LIST") && skip_blanks(argument).empty())
        return session.list(std::make_unique<UserListing>(session.host), out);
    if (line::equals_ignoring_case(what, "ADD") || line::equals_ignoring_case(what, "PASS")) {
        auto given = name_and_rest(argument);
        if (!given) return session.fail("a name and a password are required", out);
        if (line::equals_ignoring_case(what, "ADD")) return AddUser{std::move(given->name), std::move(given->rest)};
        return SetPassword{std::move(given->name), std::move(given->rest)};
    }
    if (line::equals_ignoring_case(what, "DEL")) {
        if (const auto name = only_word(argument)) return RemoveUser{std::string{*name}};
        return session.fail("USER DEL takes one name", out);
    }
    if (line::equals_ignoring_case(what, "SECRET")) return secret(session, argument, out);
    return session.fail(
        "usage: USER LIST, USER ADD name password, USER PASS name password, USER DEL name or USER SECRET", out);
}

Action save(Impl& session, std::string_view argument, std::string& out) {
    if (!argument.empty()) return session.fail("SAVE takes no argument", out);
    return SaveConfig{};
}

Action drain(Impl& session, std::string_view argument, std::string& out) {
    if (!argument.empty()) return session.fail("DRAIN takes no argument", out);
    return Drain{};
}

Action undl(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view name = take_word(argument);
    if (name.empty()) return session.fail("UNDL needs a user", out);
    const std::string_view since = trim_blanks(argument);
    if (since.empty()) return Undelete{std::string{name}, std::nullopt};
    const auto time = state::parse_time(since);
    if (!time) return session.fail("a time is YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ", out);
    return Undelete{std::string{name}, time};
}

Action free(Impl& session, std::string_view argument, std::string& out) {
    if (const auto name = only_word(argument)) return ReleaseUidl{std::string{*name}};
    return session.fail("FREE takes one user", out);
}

Action auth(Impl& session, std::string_view argument, std::string& out) {
    if (!session.host.has_administrators())
        return session.fail("no administrator is configured: start the server with -a NAME:PASSWORD", out);
    if (session.authenticated) return session.fail("already logged in", out);
    auto given = name_and_rest(argument);
    if (!given) return session.fail("AUTH needs a name and a password", out);
    return CheckAdministrator{std::move(given->name), std::move(given->rest)};
}

} // namespace buzon::manage::commands
