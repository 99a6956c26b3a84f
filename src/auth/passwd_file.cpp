#include "buzon/auth/passwd_file.h"

#include <algorithm>
#include <array>

#include "allow_nets.h"
#include "buzon/auth/secret.h"
#include "buzon/auth/user_name.h"
#include "buzon/line/number.h"
#include "extra_field.h"
#include "mail_path.h"
#include "scheme.h"

namespace buzon::auth {
namespace {

// Takes everything up to the first ':' off `rest`, or all of it if there is none.
std::string_view take_field(std::string_view& rest) noexcept {
    const std::size_t colon = rest.find(':');
    const std::string_view field = rest.substr(0, colon);
    rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
    return field;
}

// Dovecot's fields that send the user elsewhere or let anybody in.
bool leads_elsewhere(std::string_view key) noexcept {
    constexpr std::array<std::string_view, 9> keys{"user",   "login_user", "proxy",       "proxy_maybe", "host",
                                                   "master", "nopassword", "userdb_user", "fail"};
    for (const std::string_view one : keys) {
        if (key == one) return true;
    }
    return false;
}

// The values of the extra fields, before they are combined.
class ExtraFields {
public:
    explicit ExtraFields(PasswdEntry& entry, MailFields& mail) : entry_{entry}, mail_{mail} {}

    // Why they are invalid; empty if they are valid.
    std::string_view read(std::string_view rest) {
        while (const auto field = take_extra_field(rest)) {
            if (field->key == "buzon_transform")
                entry_.transform = field->unquoted.value_or(std::string{field->value});
            else if (field->key == "buzon_secret")
                entry_.add_application(field->value);
            else if (const auto fault = take(field->key, field->value); !fault.empty())
                return fault;
        }
        return rest.empty() ? std::string_view{} : "buzon_transform has an unterminated '\"'";
    }

private:
    std::string_view take(std::string_view key, std::string_view value) {
        if (leads_elsewhere(key)) return "unsupported field: it would let the user in elsewhere or without a password";
        if (key == "nologin")
            entry_.nologin = true;
        else if (key == "nodelay")
            entry_.nodelay = true;
        else if (key == "allow_nets")
            entry_.allow_nets = value;
        else if (key == "userdb_home")
            mail_.home = value;
        else if (key == "userdb_mail")
            mail_.mail = value;
        else if (key == "userdb_mail_path")
            mail_.path = value;
        else if (key == "userdb_mail_inbox_path")
            mail_.inbox_path = value;
        else if (key == "userdb_mail_driver")
            mail_.driver = value;
        return {};
    }

    PasswdEntry& entry_;
    MailFields& mail_;
};

// Numbers only: nobody knows which files the system would read to look up a name.
std::uint32_t id_of(std::string_view field) noexcept {
    return line::parse_whole<std::uint32_t>(field).value_or(posix::Ids::unsaid);
}

// libpam-pwdfile's form of {CRYPT}.
std::string_view without_pwdfile_mark(std::string_view secret) noexcept {
    if (secret.ends_with("[13]") && !secret.starts_with('{') && !secret.starts_with('$')) secret.remove_suffix(4);
    return secret;
}

// `{PLAIN}` with nothing after it: a mistake in this file, not another server's hash.
bool is_empty_password(std::string_view secret) noexcept {
    if (!secret.starts_with('{') || secret.find('}') != secret.size() - 1) return false;
    const std::string_view label = secret.substr(1, secret.size() - 2);
    const auto scheme = find_scheme(label.substr(0, label.find('.')));
    return scheme && scheme->scheme == Scheme::plain;
}

} // namespace

void PasswdEntry::add_application(std::string_view value) {
    if (applications.size() > max_applications) return; // one too many is kept to report it; the whole text is limited
    ApplicationSecret found = read_application_secret(value);
    Application& made = found.application;
    const auto same = [&made](const Application& one) { return one.label == made.label; };
    if (made.fault.empty() && std::any_of(applications.begin(), applications.end(), same))
        made.fault = "an earlier one has the same label";
    if (made.fault.empty() && applications.size() >= max_applications)
        made.fault = "a user can have at most " + std::to_string(max_applications);
    if (made.fault.empty()) {
        secret.append(1, '\0').append(made.label).append(":").append(found.secret);
        facts.cost += Secret::parse(found.secret).value().cost();
    }
    applications.push_back(std::move(made));
}

void PasswdEntry::judge_secret() {
    const auto parsed = Secret::parse(secret);
    facts = parsed ? parsed.value().facts() : SecretFacts{};
    facts.locked = facts.locked || !parsed;
    secret_fault = parsed.why();
}

Parsed<std::optional<PasswdEntry>> parse_passwd_line(std::string_view line) {
    if (line.starts_with('#') || line.find_first_not_of(" \t") == line.npos) return std::optional<PasswdEntry>{};
    if (line.size() > longest_passwd_line) return Wrong{"the line is longer than 16384 octets"};
    if (line.find('\0') != line.npos || line.find('\r') != line.npos) {
        return Wrong{"the line contains a NUL or a stray carriage return"};
    }
    if (line.find(':') == line.npos) return Wrong{"missing ':' after the name"};

    PasswdEntry entry;
    entry.name = take_field(line);
    if (const auto fault = fault_of_user_name(entry.name); !fault.empty()) return Wrong{std::string{fault}};
    entry.secret = without_pwdfile_mark(take_field(line));
    if (is_empty_password(entry.secret)) return Wrong{entry.name + ": the password is empty"};
    entry.judge_secret();

    MailFields mail;
    const std::string_view uid = take_field(line), gid = take_field(line);
    entry.ids = {id_of(uid), id_of(gid)};
    if ((!uid.empty() && entry.ids.uid == posix::Ids::unsaid) || (!gid.empty() && entry.ids.gid == posix::Ids::unsaid))
        entry.ids_fault = "uid and gid must be numbers; anything else is ignored";
    take_field(line); // gecos
    mail.home = take_field(line);
    take_field(line);            // shell
    if (line.starts_with(':')) { // an old format: an empty field, then the mail location
        if (line.find_first_of(" \t") != line.npos) return Wrong{"a mail location of the old format contains a blank"};
        mail.mail = line.substr(1);
    } else if (const auto fault = ExtraFields{entry, mail}.read(line); !fault.empty())
        return Wrong{std::string{fault}};

    auto place = mail_path(mail, entry.name);
    if (!place) return Wrong{place.why()};
    entry.maildir = std::move(place.value().maildir);
    entry.control = std::move(place.value().control);
    if (!entry.allow_nets.empty()) {
        if (const auto nets = AllowNets::parse(entry.allow_nets); !nets) return Wrong{nets.why()};
    }
    return std::optional<PasswdEntry>{std::move(entry)};
}

} // namespace buzon::auth
