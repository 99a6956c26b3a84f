#include "buzon/config/options.h"

#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>
#include <variant>

#include "buzon/config/config_text.h"
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

// Whether a line turns the option on: a flag stands alone or has on/off, yes/no, true/false.
bool is_given(const FoundOption& found, const state::ConfigLine& line, std::string_view value,
              const std::string& what) {
    if (!found.known()) throw StartError(EX_CONFIG, what, "unknown option");
    if (found.takes_value()) {
        if (!line.has_value) throw StartError(EX_CONFIG, what, "missing value");
        return true;
    }
    if (value == "off" || value == "no" || value == "false") return false;
    if (value.empty() || value == "on" || value == "yes" || value == "true") return true;
    throw StartError(EX_CONFIG, what, "must be on or off");
}

std::vector<Given> read_config(const std::string& path, std::string_view text) {
    const auto what = [&](std::size_t number) { return path + " line " + std::to_string(number); };
    const auto parsed = state::parse_config(text);
    if (const auto* wrong = std::get_if<std::size_t>(&parsed))
        throw StartError(EX_CONFIG, what(*wrong), "must be \"name = value\"");
    std::vector<Given> given;
    for (const state::ConfigLine& line : std::get<std::vector<state::ConfigLine>>(parsed)) {
        FoundOption found = find_long(line.name);
        if (found.option && !found.option->in_a_file) found = {};
        const std::string_view value = config_value(line.name, line.value);
        if (is_given(found, line, value, what(line.number))) given.push_back({found, what(line.number), value});
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

void apply_config(Options& options, Named& named, const std::string& text, const std::vector<Given>& command_line) {
    // A line that the command line overrides must still be valid: a file is accepted as a whole or not at all.
    Options unused;
    Named unused_names;
    for (const Given& line : read_config(options.config_file, text)) {
        const bool used = !overruled(line, command_line);
        try {
            apply(used ? options : unused, used ? named : unused_names, line);
        } catch (const StartError& wrong) {
            // In a file, the same mistake is an invalid file rather than wrong usage.
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

} // namespace buzon::config
