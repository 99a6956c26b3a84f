#include "buzon/config/nearest_name.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "buzon/state/settings.h"
#include "option_table.h"

namespace buzon::config {
namespace {

constexpr std::size_t longest_name = 40;

// How many letters must be inserted, removed, replaced, or swapped with their neighbour (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
    std::array<std::array<std::size_t, longest_name + 1>, longest_name + 1> table{};
    for (std::size_t i = 0; i <= a.size(); ++i) table[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) table[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
        }
    }
    return table[a.size()][b.size()];
}

} // namespace

std::string_view nearest_option(std::string_view wrong, bool in_a_file) {
    std::string_view nearest;
    std::size_t least = std::min<std::size_t>(wrong.size() / 3, 3) + 1;
    const auto look_at = [&](std::string_view name) {
        if (name.size() > longest_name || wrong.size() > longest_name) return;
        const std::size_t far = distance(wrong, name);
        if (far >= least) return;
        least = far;
        nearest = name;
    };
    for (const Option& option : all_options())
        if (option.in_a_file || !in_a_file) look_at(option.name);
    for (const state::SettingField& setting : state::setting_fields()) look_at(setting.name);
    return nearest;
}

std::string unknown_option(std::string_view wrong, bool in_a_file) {
    const std::string_view nearest = nearest_option(wrong, in_a_file);
    if (nearest.empty()) return "unknown option (see --help)";
    return "unknown option; did you mean " + std::string{in_a_file ? "" : "--"} + std::string{nearest} + '?';
}

} // namespace buzon::config
