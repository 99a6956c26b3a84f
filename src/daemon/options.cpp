#include "buzon/daemon/options.h"

#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_set>

#include "buzon/auth/user_name.h"
#include "buzon/daemon/config_text.h"
#include "buzon/daemon/uidl_settings.h"
#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

constexpr std::size_t longest_config = 1 << 20;

// One option that is no setting.
struct Option {
    std::string_view name;     // long
    char letter;               // short, or '\0'
    std::string_view argument; // its name in the help text; empty: takes none
    std::string_view meaning;
    void (*apply)(Options&, const std::string& what, std::string_view value);
};

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
    throw StartError(EX_USAGE, what, why);
}

std::uint16_t port_of(const std::string& what, std::string_view value) {
    const auto port = net::parse_port(value);
    if (!port) refuse(what, "a port is a whole number from 0 to 65535");
    return *port;
}

net::Ip ip_of(const std::string& what, std::string_view value) {
    const auto ip = net::Ip::parse(value);
    if (!ip) refuse(what, "not an IPv4 or IPv6 address");
    return *ip;
}

// What NAME:PASS was is never shown: it is a secret.
auth::NamedSecret person_of(const std::string& what, std::string_view value) {
    auto person = auth::parse_name_and_password(value);
    if (!person) refuse(what, person.why());
    return std::move(person).value();
}

filter::FilterSpec spec_of(const std::string& what, std::string_view value) {
    filter::ParsedSpec parsed = filter::FilterSpec::parse(value);
    if (!parsed.ok()) refuse(what, parsed.problem);
    return std::move(parsed.spec);
}

void add_mgmt_address(Options& options, const std::string& what, std::string_view value) {
    if (!value.starts_with("unix:")) {
        options.mgmt_addresses.push_back(ip_of(what, value));
        return;
    }
    const std::string_view path = value.substr(5);
    if (!net::to_socket_address(path)) refuse(what, "the path of a unix socket has 1 to 107 octets");
    options.mgmt_paths.emplace_back(path);
}

void set_transform_for(Options& options, const std::string& what, std::string_view value) {
    // A name may hold '=', but never the '/' that a SPEC begins with.
    const std::size_t equals = value.substr(0, value.find('/')).rfind('=');
    if (equals == 0 || equals == std::string_view::npos) refuse(what, "must be NAME=SPEC");
    options.transform_for[std::string{value.substr(0, equals)}] = spec_of(what, value.substr(equals + 1));
}

void add_verification(Options& options, const std::string& what, std::string_view value) {
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos || colon + 1 == value.size()) refuse(what, "must be NAME:FILE");
    const std::string_view name = value.substr(0, colon);
    if (const std::string_view fault = auth::fault_of_user_name(name); !fault.empty()) refuse(what, std::string{fault});
    options.verify_uidls.push_back({std::string{name}, std::string{value.substr(colon + 1)}});
    if (options.task == Options::Task::serve) options.task = Options::Task::verify_uidls;
}

void no_value(Options&, const std::string&, std::string_view) {}

constexpr std::array option_table{
    Option{"help", 'h', "", "print this help and exit",
           [](Options& o, const std::string&, std::string_view) { o.task = Options::Task::help; }},
    Option{"version", 'v', "", "print the version and exit",
           [](Options& o, const std::string&, std::string_view) {
               if (o.task != Options::Task::help) o.task = Options::Task::version;
           }},
    Option{"ip", 'l', "ADDR", "POP3 listen address, IPv4 or IPv6; repeatable (every address)",
           [](Options& o, const std::string& w, std::string_view v) { o.addresses.push_back(ip_of(w, v)); }},
    Option{"port", 'p', "PORT", "POP3 port; 0: any free port (1110)",
           [](Options& o, const std::string& w, std::string_view v) { o.port = port_of(w, v); }},
    Option{"mgmt-ip", 'L', "ADDR", "management listen address, or unix:PATH; repeatable (127.0.0.1 and ::1)",
           add_mgmt_address},
    Option{"mgmt-port", 'P', "PORT", "management port; 0: any free port (1111)",
           [](Options& o, const std::string& w, std::string_view v) { o.mgmt_port = port_of(w, v); }},
    Option{"metrics", '\0', "ADDR:PORT", "serve GET /metrics at this address; repeatable (none)",
           [](Options& o, const std::string& w, std::string_view v) {
               const auto endpoint = net::parse_endpoint(v);
               if (!endpoint) refuse(w, "must be ADDR:PORT, with an IPv6 address in brackets");
               o.metrics.push_back(*endpoint);
           }},
    Option{"path", 'd', "DIR", "mail root: a user's Maildir is DIR/USER (./maildir)",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a directory");
               o.path = v;
           }},
    Option{"user", 'u', "NAME:PASS", "a user; repeatable",
           [](Options& o, const std::string& w, std::string_view v) { o.users.push_back(person_of(w, v)); }},
    Option{"users", '\0', "FILE", "passwd-file of users: name:{SCHEME}secret[:uid:gid:gecos:home:shell:extra]",
           [](Options& o, const std::string&, std::string_view v) { o.users_file = v; }},
    Option{"checkpassword", '\0', "PROGRAM",
           "ask this program about all other users (cr.yp.to/checkpwd); an absolute path",
           [](Options& o, const std::string& w, std::string_view v) {
               if (!v.starts_with('/')) refuse(w, "must be an absolute path");
               o.checkpassword = v;
           }},
    Option{"admin", 'a', "NAME:PASS", "a management administrator; repeatable",
           [](Options& o, const std::string& w, std::string_view v) { o.admins.push_back(person_of(w, v)); }},
    Option{"admins", '\0', "FILE", "passwd-file of administrators",
           [](Options& o, const std::string&, std::string_view v) { o.admins_file = v; }},
    Option{"state", '\0', "DIR", "directory for the history of the metrics (none)",
           [](Options& o, const std::string& w, std::string_view v) {
               if (v.empty()) refuse(w, "must be a directory");
               o.state_dir = v;
           }},
    Option{"log-socket", '\0', "PATH", "send the log to this syslog socket (RFC 5424) instead of stderr",
           [](Options& o, const std::string& w, std::string_view v) {
               if (!net::to_socket_address(v)) refuse(w, "the path of a unix socket has 1 to 107 octets");
               o.log_socket = v;
           }},
    Option{"transform", 'T', "SPEC", "transformation: PATH, PATH:ARG or a quoted command line; repeat it for a chain",
           [](Options& o, const std::string& w, std::string_view v) {
               if (!o.transform.append(spec_of(w, v))) refuse(w, "too many programs in one chain");
           }},
    Option{"transform-for", '\0', "NAME=SPEC", "transformation for one user; repeatable", set_transform_for},
    Option{"transform-user", '\0', "NAME", "system user that runs transformations (the server's own)",
           [](Options& o, const std::string&, std::string_view v) { o.transform_user = v; }},
    Option{"proxy-from", '\0', "CIDR", "peers that must send a PROXY header, which is believed; repeatable (none)",
           [](Options& o, const std::string& w, std::string_view v) {
               const auto cidr = net::Cidr::parse(v);
               if (!cidr) refuse(w, "must be a network such as 10.0.0.0/8 or ::1");
               o.proxy_from.push_back(*cidr);
           }},
    Option{"config", '\0', "FILE", "read \"long-option-name = value\" lines; the command line wins", no_value},
    Option{"check", '\0', "", "check all options and files, report errors, and exit",
           [](Options& o, const std::string&, std::string_view) {
               if (o.task == Options::Task::serve) o.task = Options::Task::check;
           }},
    Option{"uidl-verify", '\0', "NAME:FILE", "compare NAME's UIDLs with a captured UIDL listing, and exit; repeatable",
           add_verification},
    Option{"default", '\0', "", "demo: user1:pass1 to user6:pass6 on a private copy of the sample mail, loopback only",
           [](Options& o, const std::string&, std::string_view) { o.demo = true; }},
};

// -N is the one setting with a letter.
constexpr std::string_view letter_of_verbose = "verbose";

struct FoundOption {
    const Option* option = nullptr;
    const state::SettingField* setting = nullptr;
    [[nodiscard]] bool known() const noexcept { return option || setting; }
    [[nodiscard]] bool takes_value() const noexcept { return option ? !option->argument.empty() : !setting->is_flag(); }
};

FoundOption find_long(std::string_view name) {
    const auto found =
        std::find_if(option_table.begin(), option_table.end(), [&](const Option& o) { return o.name == name; });
    if (found != option_table.end()) return {&*found, nullptr};
    return {nullptr, state::find_setting(name)};
}

FoundOption find_letter(char letter) {
    if (letter == 'N') return {nullptr, state::find_setting(letter_of_verbose)};
    const auto found =
        std::find_if(option_table.begin(), option_table.end(), [&](const Option& o) { return o.letter == letter; });
    return found == option_table.end() ? FoundOption{} : FoundOption{&*found, nullptr};
}

// One option as it was written, with its value; `what` names it in an error.
struct Given {
    FoundOption found;
    std::string what;
    std::string_view value;
};

// The words of the command line, as GNU programs read them; but nothing is guessed: no abbreviations, no operands.
class CommandLine {
public:
    explicit CommandLine(std::span<const std::string_view> words) : words_{words} {}

    std::vector<Given> read() {
        while (next_ < words_.size()) {
            const std::string_view word = words_[next_++];
            if (word == "--") {
                if (next_ < words_.size()) refuse(std::string{words_[next_]}, "unexpected operand");
            } else if (word.starts_with("--")) {
                read_long(word.substr(2));
            } else if (word.size() > 1 && word.front() == '-') {
                read_letters(word.substr(1));
            } else {
                refuse(word.empty() ? "''" : std::string{word}, "unexpected operand");
            }
        }
        return std::move(given_);
    }

private:
    void read_long(std::string_view text) {
        const std::size_t equals = text.find('=');
        const std::string what = "--" + std::string{text.substr(0, equals)};
        const FoundOption found = find_long(text.substr(0, equals));
        if (!found.known()) refuse(what, "unknown option (see --help)");
        if (!found.takes_value()) {
            if (equals != std::string_view::npos) refuse(what, "takes no value");
            return add(found, what, {});
        }
        add(found, what, equals == std::string_view::npos ? next_word(what) : text.substr(equals + 1));
    }

    void read_letters(std::string_view letters) {
        while (!letters.empty()) {
            const std::string what{'-', letters.front()};
            const FoundOption found = find_letter(letters.front());
            letters.remove_prefix(1);
            if (!found.known()) refuse(what, "unknown option (see --help)");
            if (!found.takes_value()) {
                add(found, what, {});
                continue;
            }
            return add(found, what, letters.empty() ? next_word(what) : letters);
        }
    }

    std::string_view next_word(const std::string& what) {
        if (next_ == words_.size()) refuse(what, "missing value");
        return words_[next_++];
    }

    void add(const FoundOption& found, const std::string& what, std::string_view value) {
        given_.push_back({found, what, value});
    }

    std::span<const std::string_view> words_;
    std::size_t next_ = 0;
    std::vector<Given> given_;
};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// "name = value" lines; a flag stands alone or has on/off, yes/no, true/false.
std::vector<Given> read_config(const std::string& path, std::string_view text) {
    std::vector<Given> given;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.front() == '#') continue;
        const std::size_t equals = line.find('=');
        const std::string_view name = trimmed(line.substr(0, equals));
        const std::string what = path + " line " + std::to_string(number);
        FoundOption found = find_long(name);
        if (found.option &&
            (name == "config" || name == "help" || name == "version" || name == "check" || name == "uidl-verify"))
            found = {};
        if (!found.known()) throw StartError(EX_CONFIG, what, "unknown option");
        const std::string_view value = equals == std::string_view::npos
                                           ? std::string_view{}
                                           : config_value(name, trimmed(line.substr(equals + 1)));
        if (found.takes_value() && equals == std::string_view::npos) {
            throw StartError(EX_CONFIG, what, "missing value");
        }
        if (!found.takes_value()) {
            if (value == "off" || value == "no" || value == "false") continue;
            if (!value.empty() && value != "on" && value != "yes" && value != "true") {
                throw StartError(EX_CONFIG, what, "must be on or off");
            }
        }
        given.push_back({found, what, value});
    }
    return given;
}

// Who has been named by -u and -a so far.
struct Named {
    std::unordered_set<std::string> users, admins;

    static void add(std::unordered_set<std::string>& names, const std::vector<auth::NamedSecret>& people,
                    const std::string& what) {
        if (people.size() == names.size() || names.insert(people.back().name).second) return;
        refuse(what, people.back().name + " is given twice");
    }
};

void apply(Options& options, Named& named, const Given& given) {
    if (given.found.option) {
        given.found.option->apply(options, given.what, given.value);
        Named::add(named.users, options.users, given.what);
        return Named::add(named.admins, options.admins, given.what);
    }
    const state::SettingField& field = *given.found.setting;
    const std::string_view value = field.is_flag() ? std::string_view{"on"} : given.value;
    if (const auto wrong = change_checked_setting(options.settings, field.name, value)) {
        // "NAME: what is allowed": the name stands in `what` already
        const std::size_t colon = wrong->find(": ");
        refuse(given.what, colon == std::string::npos ? *wrong : wrong->substr(colon + 2));
    }
}

// An option on the command line takes the place of all lines of the config file with the same name.
bool overruled(const Given& line, const std::vector<Given>& command_line) {
    return std::any_of(command_line.begin(), command_line.end(), [&](const Given& word) {
        return word.found.option == line.found.option && word.found.setting == line.found.setting;
    });
}

void apply_config(Options& options, Named& named, const std::string& text, const std::vector<Given>& command_line) {
    // A line that the command line overrules must be right all the same: a file is right as a whole or not at all.
    Options unused;
    Named unused_names;
    for (const Given& line : read_config(options.config_file, text)) {
        const bool used = !overruled(line, command_line);
        try {
            apply(used ? options : unused, used ? named : unused_names, line);
        } catch (const StartError& wrong) {
            // The same mistake in a file is a wrong file, not a wrong command line.
            const std::string why = wrong.what();
            throw StartError(EX_CONFIG, line.what, why.substr(std::min(why.size(), line.what.size() + 2)));
        }
    }
}

void check_together(const Options& options) {
    if (options.demo && !options.users.empty()) refuse("--default", "has its own users; leave out -u");
    if (options.demo && !options.users_file.empty()) refuse("--default", "has its own users; leave out --users");
}

} // namespace

int exit_code_for(std::error_code why) noexcept {
    switch (why.value()) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
    case ELOOP:
    case ENAMETOOLONG: return EX_NOINPUT;
    case EACCES:
    case EPERM: return EX_NOPERM;
    case EADDRINUSE:
    case EAGAIN:
    case EBUSY:
    case ENOMEM: return EX_TEMPFAIL;
    case EFBIG: return EX_CONFIG;
    default: return EX_OSERR;
    }
}

std::string read_named_file(const std::string& path, std::size_t limit) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0 && S_ISFIFO(about.st_mode))
        throw StartError(EX_NOINPUT, path, "is a FIFO, not a file");
    auto text = posix::read_file(path.c_str(), limit);
    if (!text) throw StartError(exit_code_for(text.error()), path, text.error().message());
    return std::move(text).value();
}

std::string read_config_file(const std::string& path) {
    return read_named_file(path, longest_config);
}

Options parse_options(std::span<const std::string_view> arguments, const ReadConfig& read) {
    const std::vector<Given> command_line = CommandLine{arguments}.read();
    Options options;
    options.arguments.assign(arguments.begin(), arguments.end());
    for (const Given& given : command_line) {
        options.on_command_line.emplace(given.found.option ? given.found.option->name : given.found.setting->name);
        if (given.found.option && given.found.option->name == "config") options.config_file = given.value;
    }
    Named named;
    if (!options.config_file.empty()) apply_config(options, named, read(options.config_file), command_line);
    bool path_given = false;
    for (const Given& given : command_line) {
        apply(options, named, given);
        path_given = path_given || (given.found.option && given.found.option->name == "path");
    }
    if (options.task == Options::Task::help || options.task == Options::Task::version) return options;
    if (options.demo && path_given) refuse("--default", "has its own mail root; leave out -d");
    check_together(options);
    return options;
}

std::string help_text() {
    std::string text = "usage: server [option ...]\n\n"
                       "Serves Maildirs by POP3, with transformations and a management protocol.\n\n";
    const auto line = [&text](std::string left, std::string_view meaning) {
        left.resize(std::max<std::size_t>(left.size() + 2, 34), ' ');
        text += left;
        text += meaning;
        text += '\n';
    };
    for (const Option& option : option_table) {
        std::string left = option.letter ? std::string{"  -"} + option.letter + ", --" : "      --";
        left += option.name;
        if (!option.argument.empty()) left += ' ' + std::string{option.argument};
        line(left, option.meaning);
    }
    text += "\nSettings, which CONF on the management port can change at run time:\n\n";
    const state::Settings defaults;
    for (const state::SettingField& field : state::setting_fields()) {
        std::string left = field.name == letter_of_verbose ? "  -N, --" : "      --";
        left += field.name;
        if (!field.is_flag()) left += " VALUE";
        std::string meaning{field.meaning};
        if (!field.is_flag()) {
            const std::string value = state::print_setting(defaults, field);
            if (!value.empty()) meaning += " (" + value + ')';
        }
        line(left, meaning);
    }
    return text;
}

} // namespace buzon::daemon
