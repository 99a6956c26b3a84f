#include "human.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "buzon/line/number.h"
#include "buzon/state/settings.h"
#include "buzon/talk/commands.h"
#include "buzon/talk/fields.h"
#include "buzon/terminal/text.h"
#include "buzon/terminal/units.h"

namespace buzon::client {
namespace {

struct Named {
    std::string_view name;
    Unit unit;
};
constexpr Named session_units[] = {{"age", Unit::seconds}, {"idle", Unit::seconds},   {"sent", Unit::octets},
                                   {"size", Unit::octets}, {"backlog", Unit::octets}, {"messages", Unit::number}};
constexpr Named info_units[] = {{"uptime", Unit::seconds}, {"users", Unit::number}};

std::string among(std::span<const Named> units, std::string_view name, const std::string& value) {
    const auto found = std::find_if(units.begin(), units.end(), [&](const Named& one) { return one.name == name; });
    return found == units.end() ? value : readable(value, found->unit);
}

// Uses the largest unit that gives a whole number: 600 is 10m.
std::string setting(std::string_view name, const std::string& value) {
    struct Step {
        std::uint64_t worth;
        char letter;
    };
    static constexpr std::array<Step, 4> times = {{{86'400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
    static constexpr std::array<Step, 3> sizes = {{{1U << 30U, 'G'}, {1U << 20U, 'M'}, {1U << 10U, 'K'}}};
    const state::SettingField* const field = state::find_setting(name);
    const auto number = line::parse_whole<std::uint64_t>(value, 1, UINT64_MAX);
    if (field == nullptr || !number) return value;
    std::span<const Step> steps;
    if (field->type == state::SettingType::seconds) steps = times;
    if (field->type == state::SettingType::octets) steps = sizes;
    if (field->type == state::SettingType::days) return value + 'd';
    for (const Step& step : steps)
        if (*number % step.worth == 0) return std::to_string(*number / step.worth) + step.letter;
    return value;
}

// The buckets of a histogram, "100:2 250:1"; the bounds are times.
std::string spread(const std::string& value) {
    std::string text;
    for (const auto& [bound, count] : buckets_of(value))
        text.append(text.empty() ? "" : "  ").append(readable(bound, Unit::microseconds)).append(1, ':').append(count);
    return text;
}

} // namespace

std::string human_value(std::string_view command, std::string_view name, const std::string& value) {
    if (has_verb(command, "SESS")) return among(session_units, name, value);
    if (has_verb(command, "INFO")) return among(info_units, name, value);
    if (has_verb(command, "CONF")) {
        const std::size_t end = std::min(value.find(' '), value.size()); // of CONF CHANGED: "900 unsaved"
        return setting(name, value.substr(0, end)) + value.substr(end);
    }
    if (has_verb(command, "METR")) return readable(value, unit_of(name));
    if (!has_verb(command, "HIST")) return value;
    const auto words = words_of(command);
    if (value == "-") return value;
    return is_spread(value) ? spread(value) : readable(value, unit_of(words.size() > 1 ? words[1] : ""));
}

} // namespace buzon::client
