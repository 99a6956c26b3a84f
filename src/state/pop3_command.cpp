// state/pop3_command.cpp - parses and prints sets of commands.
#include "buzon/state/pop3_command.h"

#include <algorithm>
#include <cctype>

namespace buzon::state {
namespace {

bool same_name(std::string_view given, std::string_view name) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
    return std::equal(given.begin(), given.end(), name.begin(), name.end(),
                      [&](char a, char b) { return upper(a) == b; });
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

} // namespace

std::optional<CommandSet> parse_command_set(std::string_view text) {
    CommandSet commands;
    text = trim(text);
    if (text.empty() || same_name(text, "NONE")) return commands;
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        more = comma != std::string_view::npos;
        const std::string_view name = trim(text.substr(0, comma));
        const auto found = std::find_if(optional_commands.begin(), optional_commands.end(),
                                        [&](Pop3Command command) { return same_name(name, name_of(command)); });
        if (found == optional_commands.end()) return std::nullopt;
        commands.insert(*found);
        if (more) text.remove_prefix(comma + 1);
    }
    return commands;
}

std::string print_command_set(CommandSet commands) {
    std::string text;
    for (const Pop3Command command : optional_commands) {
        if (!commands.contains(command)) continue;
        if (!text.empty()) text += ',';
        text += name_of(command);
    }
    return text.empty() ? "none" : text;
}

} // namespace buzon::state
