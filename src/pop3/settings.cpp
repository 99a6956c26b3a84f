#include "buzon/pop3/settings.h"

#include "buzon/line/command_line.h"

namespace buzon::pop3 {

namespace {

struct Name {
    std::string_view verb;
    OptionalCommand command;
};
constexpr Name names[] = {
    {"TOP", OptionalCommand::top},   {"UIDL", OptionalCommand::uidl},     {"USER", OptionalCommand::user},
    {"PASS", OptionalCommand::pass}, {"APOP", OptionalCommand::apop},     {"AUTH", OptionalCommand::auth},
    {"CAPA", OptionalCommand::capa}, {"UTF8", OptionalCommand::utf8},     {"LANG", OptionalCommand::lang},
    {"SEARCH", OptionalCommand::search}, {"REPORT", OptionalCommand::report},
};

} // namespace

std::optional<OptionalCommand> optional_command(std::string_view verb) noexcept {
    for (const Name& name : names) {
        if (line::equals_ignoring_case(name.verb, verb)) return name.command;
    }
    return std::nullopt;
}

std::optional<CommandSet> CommandSet::parse(std::string_view list) noexcept {
    CommandSet set;
    if (list.empty()) return set;
    for (;;) {
        const std::size_t comma = list.find(',');
        const std::optional<OptionalCommand> command =
            optional_command(line::without_outer_spaces(list.substr(0, comma)));
        if (!command) return std::nullopt;
        set.add(*command);
        if (comma == std::string_view::npos) return set;
        list.remove_prefix(comma + 1);
    }
}

} // namespace buzon::pop3
