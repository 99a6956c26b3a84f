#include "buzon/config/options.h"

#include <sysexits.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_set>
#include <variant>

#include "buzon/config/config_text.h"
#include "buzon/config/nearest_name.h"
#include "buzon/config/uidl_settings.h"
#include "buzon/state/config_text.h"
#include "option_table.h"

namespace buzon::config {
namespace {

// -N is the only setting with a short option.
constexpr std::string_view letter_of_verbose = "verbose";

struct FoundOption {
    const Option* option = nullptr;
    const state::SettingField* setting = nullptr;
    [[nodiscard]] bool known() const noexcept { return option || setting; }
    [[nodiscard]] bool takes_value() const noexcept { return option ? !option->argument.empty() : !setting->is_flag(); }
};

FoundOption find_long(std::string_view name) {
    for (const Option& option : all_options())
        if (option.name == name) return {&option, nullptr};
    return {nullptr, state::find_setting(name)};
}

FoundOption find_letter(char letter) {
    if (letter == 'N') return {nullptr, state::find_setting(letter_of_verbose)};
    for (const Option& option : all_options())
        if (option.letter == letter) return {&option, nullptr};
    return {};
}

// One option as written, with its value; `what` names it in errors.
struct Given {
    FoundOption found;
    std::string what;
    std::string_view value;
};

// Parses the command line as GNU programs do, but without abbreviations and operands.
class CommandLine {
public:
    explicit CommandLine(std::span<const std::string_view> words) : words_{words} {}

    std::vector<Given> read(Faults* faults) {
        while (next_ < words_.size()) attempt(faults, [this] { read_one(words_[next_++]); });
        return std::move(given_);
    }

private:
    void read_one(std::string_view word) {
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

    [[noreturn]] void refuse_unknown(const std::string& what, const std::string& why) {
        if (next_ < words_.size() && !words_[next_].starts_with('-')) ++next_; // it may have been its value
        refuse(what, why);
    }

    void read_long(std::string_view text) {
        const std::size_t equals = text.find('=');
        const std::string what = "--" + std::string{text.substr(0, equals)};
        const FoundOption found = find_long(text.substr(0, equals));
        if (!found.known()) refuse_unknown(what, unknown_option(text.substr(0, equals), false));
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
            if (!found.known()) refuse_unknown(what, "unknown option (see --help)");
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

// Whether a line turns the option on: a flag stands alone or has on/off, yes/no, true/false.
bool is_given(const FoundOption& found, const state::ConfigLine& line, std::string_view value,
              const std::string& what) {
    if (!found.known()) throw StartError(EX_CONFIG, what, unknown_option(line.name, true));
    if (found.takes_value()) {
        if (!line.has_value) throw StartError(EX_CONFIG, what, "missing value");
        return true;
    }
    if (value == "off" || value == "no" || value == "false") return false;
    if (value.empty() || value == "on" || value == "yes" || value == "true") return true;
    throw StartError(EX_CONFIG, what, "takes no value, or on or off");
}

// Whether the value is in quotes that mean nothing: they are not part of a path or number. The option must be known.
bool is_quoted(const Given& given) {
    constexpr std::array<std::string_view, 6> options_with_quotes = {"user",          "admin",         "transform",
                                                                     "transform-for", "checkpassword", "token"};
    const std::string_view value = given.value;
    if (value.size() < 2 || (value.front() != '"' && value.front() != '\'') || value.front() != value.back())
        return false;
    return !given.found.option || std::find(options_with_quotes.begin(), options_with_quotes.end(),
                                            given.found.option->name) == options_with_quotes.end();
}

void read_config_line(const std::string& path, std::size_t number, std::string_view text, std::vector<Given>& given) {
    const std::string where = path + " line " + std::to_string(number);
    const auto parsed = state::parse_config(text);
    const auto* const lines = std::get_if<std::vector<state::ConfigLine>>(&parsed);
    if (!lines) throw StartError(EX_CONFIG, where, "must be \"name = value\"");
    if (lines->empty()) return;
    const state::ConfigLine& line = lines->front();
    const std::string what = where + ": " + std::string{line.name};
    FoundOption found = find_long(line.name);
    if (found.option && !found.option->in_a_file) found = {};
    const std::string_view value = config_value(line.name, line.value);
    if (!is_given(found, line, value, what)) return;
    given.push_back({found, what, value});
    if (!is_quoted(given.back())) return;
    given.pop_back();
    throw StartError(EX_CONFIG, what,
                     "write " + std::string{value.substr(1, value.size() - 2)} +
                         " without quotes: they are not special here");
}

std::vector<Given> read_config(const std::string& path, std::string_view text, Faults* faults) {
    std::vector<Given> given;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        attempt(faults, [&] { read_config_line(path, number, line, given); });
    }
    return given;
}

// The names given by -u and -a so far.
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
        // "NAME: what is allowed"; `what` contains the name already
        const std::size_t colon = wrong->find(": ");
        refuse(given.what, colon == std::string::npos ? *wrong : wrong->substr(colon + 2));
    }
}

// An option on the command line replaces all lines of the config file with the same name.
bool overruled(const Given& line, const std::vector<Given>& command_line) {
    return std::any_of(command_line.begin(), command_line.end(), [&](const Given& word) {
        return word.found.option == line.found.option && word.found.setting == line.found.setting;
    });
}

void apply_line(Options& options, Named& named, const Given& line) {
    try {
        apply(options, named, line);
    } catch (const StartError& wrong) {
        // In a file, the same mistake means an invalid file rather than wrong usage.
        const std::string why = wrong.what();
        throw StartError(EX_CONFIG, line.what, why.substr(std::min(why.size(), line.what.size() + 2)));
    }
}

void apply_config(Options& options, Named& named, const std::string& text, const std::vector<Given>& command_line,
                  Faults* faults) {
    // A line that the command line overrides must still be valid: a file is accepted as a whole or not at all.
    Options unused;
    Named unused_names;
    for (const Given& line : read_config(options.config_file, text, faults)) {
        const bool used = !overruled(line, command_line);
        attempt(faults, [&] { apply_line(used ? options : unused, used ? named : unused_names, line); });
    }
}

void check_together(const Options& options) {
    if (options.demo && !options.users.empty()) refuse("--default", "has its own users; leave out -u");
    if (options.demo && !options.users_file.empty()) refuse("--default", "has its own users; leave out --users");
    if (options.tls.certificate.empty() &&
        (!options.tls.key.empty() || options.tls.port || !options.tls.options.empty()))
        refuse("--tls-cert", "a certificate is needed for the other tls options");
    if (!options.log_file.empty() && !options.log_socket.empty())
        refuse("--log-file", "the log goes either to a file or to a socket; leave out --log-socket");
}

} // namespace

int exit_code_for(std::error_code why) noexcept {
    switch (why.value()) {
    case EEXIST: // something else has that name
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

Options parse_options(std::span<const std::string_view> arguments, const ReadConfig& read, Faults* faults) {
    const std::vector<Given> command_line = CommandLine{arguments}.read(faults);
    Options options;
    options.arguments.assign(arguments.begin(), arguments.end());
    for (const Given& given : command_line) {
        options.on_command_line.emplace(given.found.option ? given.found.option->name : given.found.setting->name);
        if (given.found.option && given.found.option->name == "config") options.config_file = given.value;
    }
    Named named;
    if (!options.config_file.empty())
        attempt(faults, [&] { apply_config(options, named, read(options.config_file), command_line, faults); });
    bool path_given = false;
    for (const Given& given : command_line) {
        attempt(faults, [&] { apply(options, named, given); });
        path_given = path_given || (given.found.option && given.found.option->name == "path");
    }
    if (options.task == Options::Task::help || options.task == Options::Task::version) return options;
    attempt(faults, [&] {
        if (options.demo && path_given) refuse("--default", "has its own mail root; leave out -d");
        check_together(options);
    });
    if (options.demo) options.users = demo_users();
    return options;
}

std::vector<std::string_view> secrets_in(std::span<const std::string_view> arguments) {
    Faults ignored;
    std::vector<std::string_view> secrets;
    for (const Given& given : CommandLine{arguments}.read(&ignored)) {
        if (!given.found.option || (given.found.option->name != "user" && given.found.option->name != "admin"))
            continue;
        const std::size_t colon = given.value.find(':');
        if (colon != std::string_view::npos) secrets.push_back(given.value.substr(colon + 1));
    }
    return secrets;
}

// What --help shows in place of a setting's value.
std::string_view placeholder(state::SettingType type) {
    switch (type) {
    case state::SettingType::seconds: return " SECONDS";
    case state::SettingType::octets: return " OCTETS";
    case state::SettingType::days: return " DAYS";
    case state::SettingType::percent: return " PERCENT";
    default: return " VALUE";
    }
}

void hide_secrets(std::string& config_text) noexcept {
    constexpr std::string_view white = " \t";
    for (std::size_t at = 0, end = 0; at < config_text.size(); at = end + 1) {
        end = std::min(config_text.find('\n', at), config_text.size());
        const std::size_t equals = std::min(config_text.find('=', at), end);
        const std::size_t colon = std::min(config_text.find(':', equals), end);
        std::string_view name{config_text.data() + at, equals - at};
        name.remove_prefix(std::min(name.find_first_not_of(white), name.size()));
        name = name.substr(0, name.find_last_not_of(white) + 1);
        if ((name != "user" && name != "admin") || colon == end) continue;
        for (std::size_t i = colon + 1; i < end; ++i)
            if (config_text[i] != '\r') config_text[i] = '*';
    }
}

std::vector<auth::NamedSecret> demo_users() {
    std::vector<auth::NamedSecret> users;
    for (int i = 1; i <= 6; ++i) users.push_back({"user" + std::to_string(i), "{PLAIN}pass" + std::to_string(i)});
    return users;
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
    for (const Option& option : all_options()) {
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
        if (!field.is_flag()) left += placeholder(field.type);
        std::string meaning{field.meaning};
        if (!field.is_flag()) {
            const std::string value = state::print_setting(defaults, field);
            if (!value.empty()) meaning += " (" + value + ')';
        }
        line(left, meaning);
    }
    return text;
}

} // namespace buzon::config
