#include "buzon/auth/passwd_file.h"

#include <array>

#include "allow_nets.h"
#include "buzon/auth/secret.h"
#include "buzon/auth/user_name.h"
#include "mail_path.h"
#include "scheme.h"

namespace buzon::auth {
namespace {

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

// Takes everything up to the first ':' off `rest`, or all of it if there is none.
std::string_view take_field(std::string_view& rest) noexcept {
    const std::size_t colon = rest.find(':');
    const std::string_view field = rest.substr(0, colon);
    rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
    return field;
}

// A value in double quotes; `rest` begins after the first. False if the second is missing or text follows it directly.
bool take_quoted(std::string_view& rest, std::string& value) {
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == '"') {
            rest.remove_prefix(i + 1);
            return rest.empty() || is_blank(rest[0]);
        }
        if (rest[i] == '\\' && ++i == rest.size()) break;
        value += rest[i];
    }
    return false;
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
        for (;;) {
            while (!rest.empty() && is_blank(rest[0])) rest.remove_prefix(1);
            if (rest.empty()) return {};
            const std::size_t end = rest.find_first_of("= \t");
            const std::string_view key = rest.substr(0, end);
            rest.remove_prefix(end == rest.npos ? rest.size() : end);
            if (rest.starts_with('=')) rest.remove_prefix(1);
            if (key == "buzon_transform" && rest.starts_with('"')) {
                rest.remove_prefix(1);
                if (!take_quoted(rest, entry_.transform)) return "buzon_transform has an unterminated '\"'";
                continue;
            }
            const std::string_view value = rest.substr(0, rest.find_first_of(" \t"));
            rest.remove_prefix(value.size());
            if (const std::string_view fault = take(key, value); !fault.empty()) return fault;
        }
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
        else if (key == "buzon_transform")
            entry_.transform = value;
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

// libpam-pwdfile's form of {CRYPT}.
std::string_view without_pwdfile_mark(std::string_view secret) noexcept {
    if (secret.ends_with("[13]") && !secret.starts_with('{') && !secret.starts_with('$')) secret.remove_suffix(4);
    return secret;
}

// `{PLAIN}` with nothing after it: a mistake in this file, not a hash of another server.
bool is_empty_password(std::string_view secret) noexcept {
    if (!secret.starts_with('{') || secret.find('}') != secret.size() - 1) return false;
    const std::string_view label = secret.substr(1, secret.size() - 2);
    const auto scheme = find_scheme(label.substr(0, label.find('.')));
    return scheme && scheme->scheme == Scheme::plain;
}

} // namespace

Parsed<std::optional<PasswdEntry>> parse_passwd_line(std::string_view line) {
    if (line.starts_with('#') || line.find_first_not_of(" \t") == line.npos) return std::optional<PasswdEntry>{};
    if (line.size() > longest_passwd_line) return Wrong{"the line is longer than 16384 octets"};
    if (line.find('\0') != line.npos || line.find('\r') != line.npos) {
        return Wrong{"the line contains a NUL or a stray carriage return"};
    }
    if (line.find(':') == line.npos) return Wrong{"there is no ':' after the name"};

    PasswdEntry entry;
    entry.name = take_field(line);
    if (const auto fault = fault_of_user_name(entry.name); !fault.empty()) return Wrong{std::string{fault}};
    entry.secret = without_pwdfile_mark(take_field(line));
    if (is_empty_password(entry.secret)) return Wrong{entry.name + ": the password is empty"};
    entry.secret_fault = fault_of_secret(entry.secret);

    MailFields mail;
    for (int skipped = 0; skipped < 3; ++skipped) take_field(line); // uid, gid, gecos
    mail.home = take_field(line);
    take_field(line); // shell
    // An old format: an empty field, then the mail location.
    if (line.starts_with(':'))
        mail.mail = line.substr(1);
    else if (const auto fault = ExtraFields{entry, mail}.read(line); !fault.empty())
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
