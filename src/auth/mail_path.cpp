#include "mail_path.h"

#include <climits>

#include "buzon/line/command_line.h"

namespace buzon::auth {
namespace {

// Expands Dovecot's variables in a path.
class Expander {
public:
    Expander(std::string_view home, std::string_view user) : home_{home}, user_{user} {}

    Parsed<std::string> operator()(std::string_view path) const {
        std::string out;
        if (path == "~" || path.starts_with("~/")) {
            if (home_.empty()) return Wrong{"a mail path begins with ~ but there is no home"};
            out = home_;
            path.remove_prefix(1);
        }
        while (!path.empty()) {
            const std::size_t percent = path.find('%');
            out += path.substr(0, percent);
            if (percent == path.npos) break;
            path.remove_prefix(percent + 1);
            if (!take_variable(path, out)) return Wrong{"a mail path contains an unknown variable"};
        }
        return out;
    }

private:
    // `path` begins after the '%'.
    bool take_variable(std::string_view& path, std::string& out) const {
        if (path.empty()) return false;
        if (path[0] != '{') {
            const std::string_view name = path.substr(0, 1);
            path.remove_prefix(1);
            return name == "%" ? (out += '%', true) : append_value(name, out);
        }
        const std::size_t end = path.find('}');
        if (end == path.npos) return false;
        const std::string_view name = path.substr(1, end - 1);
        path.remove_prefix(end + 1);
        if (name == "home") return append_value("h", out);
        if (name == "user") return append_value("u", out);
        if (name == "username" || name == "user|username") return append_value("n", out);
        if (name == "domain" || name == "user|domain") return append_value("d", out);
        return false;
    }

    bool append_value(std::string_view letter, std::string& out) const {
        const std::size_t at = user_.find('@');
        if (letter == "h" && !home_.empty())
            out += home_;
        else if (letter == "u")
            out += user_;
        else if (letter == "n")
            out += user_.substr(0, at);
        else if (letter == "d")
            out += at == user_.npos ? std::string_view{} : user_.substr(at + 1);
        else
            return false;
        return true;
    }

    std::string_view home_;
    std::string_view user_;
};

struct Location {
    std::string_view path;
    std::string_view control;
};

// userdb_mail: `driver:path[:KEY=value...]`, or a path whose driver Dovecot detects. INDEX, LAYOUT and the like do not
// concern the INBOX or its ids.
Parsed<Location> parse_location(std::string_view location) {
    const std::size_t colon = location.find(':');
    if (colon != location.npos && location.find('/') > colon) {
        if (!line::equals_ignoring_case(location.substr(0, colon), "maildir"))
            return Wrong{"userdb_mail does not name a Maildir"};
        location.remove_prefix(colon + 1);
    }
    Location found{location.substr(0, location.find(':')), {}};
    while (location.find(':') != location.npos) {
        location.remove_prefix(location.find(':') + 1);
        const std::string_view option = location.substr(0, location.find(':'));
        if (option.starts_with("INBOX=")) found.path = option.substr(6);
        if (option.starts_with("CONTROL=")) found.control = option.substr(8);
    }
    return found;
}

std::string_view fault_of_path(std::string_view path) {
    if (!path.starts_with('/')) return "a home or mail path is not absolute";
    if (path.size() >= PATH_MAX - NAME_MAX) return "a home or mail path is too long";
    // A variable may have inserted part of a user's name.
    if ((std::string{path} + '/').find("/../") != std::string::npos) return "a home or mail path contains '..'";
    return {};
}

} // namespace

Parsed<MailPath> mail_path(const MailFields& fields, std::string_view user) {
    if (!fields.driver.empty() && !line::equals_ignoring_case(fields.driver, "maildir")) {
        return Wrong{"userdb_mail_driver is not maildir"};
    }
    const auto filled_in = [user](std::string_view home, std::string_view written) -> Parsed<std::string> {
        auto path = Expander{home, user}(written);
        if (!path || path.value().empty()) return path;
        if (const auto fault = fault_of_path(path.value()); !fault.empty()) return Wrong{std::string{fault}};
        return path;
    };
    const auto home = filled_in({}, fields.home);
    if (!home) return Wrong{home.why()};
    const auto location = parse_location(fields.mail);
    if (!location) return Wrong{location.why()};
    const auto control = filled_in(home.value(), location.value().control);
    if (!control) return Wrong{control.why()};

    std::string_view written = location.value().path;
    if (!fields.path.empty()) written = fields.path;
    if (!fields.inbox_path.empty()) written = fields.inbox_path;
    if (written.empty())
        return MailPath{home.value().empty() ? std::string{} : home.value() + "/Maildir", control.value()};
    const auto maildir = filled_in(home.value(), written);
    if (!maildir) return Wrong{maildir.why()};
    if (maildir.value().empty()) return Wrong{std::string{fault_of_path({})}};
    return MailPath{maildir.value(), control.value()};
}

} // namespace buzon::auth
