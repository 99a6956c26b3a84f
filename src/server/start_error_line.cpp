#include "start_error_line.h"

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "buzon/config/config_text.h"
#include "buzon/config/options.h"
#include "buzon/files/read_files.h"
#include "buzon/state/config_text.h"

namespace buzon::server {
namespace {

constexpr std::string_view format_option = "log-format";

// The last value that the words give to --NAME.
std::optional<std::string_view> value_of(std::string_view name, std::span<const std::string_view> words) {
    std::optional<std::string_view> value;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view word = words[i];
        if (!word.starts_with("--") || !(word = word.substr(2)).starts_with(name)) continue;
        word.remove_prefix(name.size());
        if (word.starts_with('='))
            value = word.substr(1);
        else if (word.empty() && i + 1 < words.size())
            value = words[++i];
    }
    return value;
}

std::string format_in(std::string_view text) {
    std::string format;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const auto parsed = state::parse_config(text.substr(0, end)); // line by line, since other lines may be wrong
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto* const lines = std::get_if<std::vector<state::ConfigLine>>(&parsed);
        if (!lines || lines->empty() || lines->front().name != format_option) continue;
        format = config::config_value(format_option, lines->front().value);
    }
    return format;
}

std::string format_of(std::span<const std::string_view> arguments) {
    if (const auto given = value_of(format_option, arguments)) return std::string{*given};
    const auto config = value_of("config", arguments);
    if (!config) return {};
    try {
        return format_in(files::read_config_file(std::string{*config}));
    } catch (const config::StartError&) {
        return {}; // then no format is given
    }
}

} // namespace

std::string start_error_line(std::span<const std::string_view> arguments, std::string_view what) {
    // --check is run by a person, or by a script that shows its output to one.
    const bool journal = std::find(arguments.begin(), arguments.end(), "--check") == arguments.end() &&
                         format_of(arguments) == "journal";
    return (journal ? "<3>server: " : "server: ") + std::string{what} + '\n';
}

} // namespace buzon::server
