// manage/forms.cpp - the table of forms, and matching lines against it.
#include "buzon/manage/forms.h"

#include <algorithm>
#include <iterator>

#include "buzon/line/command_line.h"
#include "words.h"

namespace buzon::manage {
namespace {

using enum Access;
using enum ReplyForm;

constexpr Form rows[] = {
    {"METR", "", free, line, "messages;bytes;online;historic", ""},
    {"METR", "*|ALL", free, lines, "all metrics, name and value", ""},
    {"METR", "? [metric]", free, lines, "what they mean: name, type, unit, meaning", "no such metric"},
    {"METR", "metric", free, line, "the value of one metric", "no such metric"},
    {"HIST", "metric minute|hour|day|week [count]", served, lines,
     "a metric's past, oldest first; of a histogram, its buckets'", "no such metric, no such period, not a count"},
    {"INFO", "", free, line, "host;basedir;ip", ""},
    {"INFO", "*|ALL", free, lines, "everything about the server, name and value", ""},
    {"SESS", "", served, lines, "the POP3 sessions now", ""},
    {"WHYY", "*", served, lines, "who guesses passwords, and whose are guessed", ""},
    {"WHYY", "user", served, lines, "why a user was refused, and the user's last sessions", ""},
    {"LOGG", "FOLLOW [user=NAME|ip=ADDR|session=ID]...", served, live, "new log lines, until you send a line",
     "bad filter"},
    {"LOGG", "[count]", served, lines, "the last 100 log lines, or as many as you say", "not a count"},
    {"EVNT", "[type|user=NAME|ip=ADDR|session=ID]...", served, live, "events, until you send a line",
     "no such type, bad filter"},

    {"KICK", "id|user", guarded, line, "end a session, or all sessions of a user; nothing is deleted",
     "no such session or user"},
    {"USER", "LIST", served, lines, "the users' names", ""},
    {"USER", "ADD user password...", guarded, line, "add a user", "bad name, user exists"},
    {"USER", "PASS user password...", guarded, line, "change a password", "no such user"},
    {"USER", "DEL user", guarded, line, "remove a user; the mail stays", "no such user"},
    {"USER", "SECRET LIST user", served, lines, "a user's application passwords: label, limits", "no such user"},
    {"USER", "SECRET ADD user label password...", guarded, line,
     "add one; phone;expires=2027-01-01;rights=read as the label limits it", "no such user, bad label, label exists"},
    {"USER", "SECRET DEL user label", guarded, line, "remove one", "no such user or label"},
    {"UNDL", "user [since]", guarded, line, "restore deleted mail, all or since a time (UTC)",
     "no such user, not a time, nothing restored"},
    {"FREE", "user", guarded, line, "let a user log in although UIDLs changed", "no such user"},

    {"CONF", "", served, lines, "all settings, name and value", ""},
    {"CONF", "? [setting]", served, lines, "what they mean and which values they take", "no such setting"},
    {"CONF", "CHANGED", served, lines, "settings that are not at their default", ""},
    {"CONF", "setting", served, line, "the value of one setting", "no such setting"},
    {"CONF", "setting value...", guarded, line, "change it", "no such setting, bad value"},
    {"TRAN", "", served, line, "the transformation: off, or on SPEC", ""},
    {"TRAN", "0|1", served, line, "switch it off, or on again", "none was ever set"},
    {"TRAN", "FOR user", served, line, "the transformation of one user", "no such user"},
    {"TRAN", "FOR user 0|1|spec...", guarded, line, "change it for one user",
     "no such user, none was ever set, bad program"},
    {"TRAN", "spec...", guarded, line, "set a program and switch it on", "bad program"},
    {"HOST", "", served, line, "the name used in the greeting", ""},
    {"HOST", "name", served, line, "change it", "not a host name"},
    {"DIRR", "", served, line, "the mail root", ""},
    {"DIRR", "path...", guarded, line, "change it for later logins", "not a directory"},
    {"PORT", "", served, line, "the POP3 port", ""},
    {"PORT", "port", served, line, "move to another port; 0: any free one", "not a port, port taken, draining"},
    {"IPV6", "", served, line, "the POP3 listen address", ""},
    {"IPV6", "address", served, line, "listen on another one, IPv6 or IPv4", "not an address, address taken, draining"},
    {"SAVE", "", guarded, line, "write run-time changes to their files", "a change has no file, file not written"},

    {"DRAIN", "", guarded, line, "accept no new connections; exit after the last session", ""},

    {"AUTH", "name password...", free, line, "log in as an administrator",
     "wrong name or password, none configured, logged in already"},
    {"HELP", "", free, lines, "the commands in groups", ""},
    {"HELP", "command", free, lines, "the forms of one command; for CONF also the settings by topic",
     "no such command"},
    {"NOOP", "", free, line, "do nothing", ""},
    {"QUIT", "", free, line, "end the connection", ""},
};

constexpr Placeholder placeholder_rows[] = {
    {"metric", Names::metrics},   {"setting", Names::settings}, {"value", Names::setting_values},
    {"user", Names::users},       {"id", Names::sessions},      {"type", Names::event_types},
    {"command", Names::commands}, {"count", Names::none},       {"spec", Names::none},
    {"name", Names::none},        {"path", Names::none},        {"port", Names::none},
    {"address", Names::none},     {"since", Names::none},       {"password", Names::none},
    {"label", Names::none},       {"user=NAME", Names::none},   {"ip=ADDR", Names::none},
    {"session=ID", Names::none},
};

constexpr Group group_rows[] = {
    {"Look at the server", "METR"}, {"Sessions and users", "KICK"}, {"Change the server", "CONF"},
    {"End the server", "DRAIN"},    {"This connection", "AUTH"},
};

constexpr std::pair<std::string_view, std::string_view> examples[] = {
    {"METR", "METR online"},
    {"HIST", "HIST messages hour 24"},
    {"INFO", "INFO ALL"},
    {"SESS", "SESS"},
    {"WHYY", "WHYY ana"},
    {"LOGG", "LOGG 20"},
    {"EVNT", "EVNT login user=ana"},
    {"KICK", "KICK 17"},
    {"USER", "USER ADD ana her password"},
    {"UNDL", "UNDL ana 2026-11-23"},
    {"FREE", "FREE ana"},
    {"CONF", "CONF timeout 10m"},
    {"TRAN", "TRAN /usr/bin/sed:s/e/x/g"},
    {"HOST", "HOST mail.example.org"},
    {"DIRR", "DIRR /var/mail"},
    {"PORT", "PORT 110"},
    {"IPV6", "IPV6 ::"},
    {"SAVE", "SAVE"},
    {"DRAIN", "DRAIN"},
    {"AUTH", "AUTH root her password"},
    {"HELP", "HELP HIST"},
    {"NOOP", "NOOP"},
    {"QUIT", "QUIT"},
};

const Placeholder* placeholder(std::string_view word) noexcept {
    const auto found = std::find_if(std::begin(placeholder_rows), std::end(placeholder_rows),
                                    [&](const Placeholder& one) { return one.word == word; });
    return found == std::end(placeholder_rows) ? nullptr : found;
}

// One word of Form::arguments.
struct Token {
    std::string_view choices; // joined by '|'; "" after the last word
    bool optional = false, rest = false;

    template <class Visit>
    void each(Visit visit) const {
        for (std::size_t begin = 0; begin < choices.size();) {
            const std::size_t end = std::min(choices.find('|', begin), choices.size());
            visit(choices.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    [[nodiscard]] bool takes(std::string_view word) const {
        bool taken = false;
        each([&](std::string_view one) {
            taken = taken || placeholder(one) != nullptr || line::equals_ignoring_case(one, word);
        });
        return taken;
    }
};

Token take_token(std::string_view& arguments) noexcept {
    Token token{take_word(arguments)};
    if (token.choices.ends_with("...")) {
        token.rest = true;
        token.choices.remove_suffix(3);
    }
    if (token.choices.starts_with('[')) {
        token.optional = true;
        token.choices = token.choices.substr(1, token.choices.size() - 2);
    }
    return token;
}

// The result of matching all `words` against the beginning of a form: whether they fit, and whether the form may end
// there. `next` is the token for one more word, if the form has one.
struct Fit {
    bool fits = false, complete = false;
    Token next = {};
    std::string_view rest = {}; // the form's arguments from that token on
};
Fit fit(const Form& form, std::string_view words) noexcept {
    std::string_view pattern = form.arguments, rest = pattern;
    Token token = take_token(pattern);
    bool repeated = false;
    for (std::string_view word = take_word(words); !word.empty(); word = take_word(words)) {
        if (token.choices.empty() || !token.takes(word)) return {};
        repeated = token.rest;
        if (repeated) continue;
        rest = pattern;
        token = take_token(pattern);
    }
    return {true, repeated || token.optional || token.choices.empty(), token, rest};
}

std::string_view take_keyword(std::string_view& line) noexcept {
    return take_word(line);
}

bool ends_in_password(const Token& token) noexcept {
    return token.choices == "password";
}

} // namespace

std::string_view name_of(Access access) noexcept {
    static constexpr std::string_view names[] = {"free", "served", "guarded"};
    return names[static_cast<std::size_t>(access)];
}

std::string_view name_of(ReplyForm form) noexcept {
    static constexpr std::string_view names[] = {"one line", "lines", "live"};
    return names[static_cast<std::size_t>(form)];
}

std::span<const Form> forms() noexcept {
    return rows;
}

std::span<const Form> forms_of(std::string_view keyword) noexcept {
    // Keywords have four letters, except DRAIN, which may also be written DRAI.
    const auto has_it = [&](const Form& form) {
        return line::equals_ignoring_case(keyword, form.keyword) ||
               line::equals_ignoring_case(keyword, form.keyword.substr(0, 4));
    };
    const auto first = std::find_if(std::begin(rows), std::end(rows), has_it);
    return {first, std::find_if_not(first, std::end(rows), has_it)};
}

const Form* form_of(std::string_view line) noexcept {
    for (const Form& form : forms_of(take_keyword(line)))
        if (const Fit found = fit(form, line); found.fits && found.complete) return &form;
    return nullptr;
}

std::span<const Placeholder> placeholders() noexcept {
    return placeholder_rows;
}

Choices choices_after(std::string_view before) {
    Choices choices;
    for (const Form& form : forms_of(take_keyword(before))) {
        const Fit found = fit(form, before);
        if (!found.fits) continue;
        found.next.each([&](std::string_view one) {
            const Placeholder* const named = placeholder(one);
            const std::size_t sign = one.find('=');
            if (named == nullptr || sign != std::string_view::npos)
                choices.literals.push_back(one.substr(0, sign == std::string_view::npos ? sign : sign + 1));
            else if (named->names != Names::none)
                choices.names.push_back(named->names);
        });
    }
    return choices;
}

std::string rest_after(std::string_view before) {
    std::string all;
    for (const Form& form : forms_of(take_keyword(before))) {
        const Fit found = fit(form, before);
        if (!found.fits || found.rest.empty()) continue;
        all.append(all.empty() ? "" : " | ").append(found.rest);
    }
    return all;
}

bool holds_password(std::string_view line) noexcept {
    for (const Form& form : forms_of(take_keyword(line)))
        if (const Fit found = fit(form, line); found.complete && ends_in_password(found.next)) return true;
    return false;
}

bool lacks_password(std::string_view line) noexcept {
    for (const Form& form : forms_of(take_keyword(line)))
        if (const Fit found = fit(form, line); found.fits && !found.complete && ends_in_password(found.next))
            return true;
    return false;
}

std::span<const Group> groups() noexcept {
    return group_rows;
}

std::string_view example_of(std::string_view keyword) noexcept {
    const auto found =
        std::find_if(std::begin(examples), std::end(examples), [&](const auto& one) { return one.first == keyword; });
    return found == std::end(examples) ? std::string_view{} : found->second;
}

} // namespace buzon::manage
