#include "buzon/config/config_text.h"

#include <algorithm>
#include <array>
#include <variant>

#include "buzon/state/config_text.h"

namespace buzon::config {
namespace {

constexpr std::string_view blanks = " \t";

constexpr std::array<std::string_view, 21> options_with_free_text = {
    "path",        "user",      "users",         "checkpassword",  "token",    "admin",          "admins",
    "mgmt-ip",     "state",     "log-socket",    "log-file",       "tls-cert", "tls-key",        "tls-program",
    "tls-options", "transform", "transform-for", "transform-user", "run-as",   "transform-read", "transform-allow"};

} // namespace

bool may_hold_hash(std::string_view option) noexcept {
    return std::find(options_with_free_text.begin(), options_with_free_text.end(), option) !=
           options_with_free_text.end();
}

std::string_view config_value(std::string_view option, std::string_view written) noexcept {
    if (may_hold_hash(option)) return written;
    for (std::size_t hash = written.find('#'); hash != std::string_view::npos; hash = written.find('#', hash + 1)) {
        if (hash > 0 && blanks.find(written[hash - 1]) == std::string_view::npos) continue;
        written = written.substr(0, hash);
        break;
    }
    return written.substr(0, written.find_last_not_of(blanks) + 1);
}

std::string change_config(std::string_view text, const ConfigChanges& changes) {
    std::string changed{text};
    for (const auto& [name, values] : changes) {
        // Comments after values stay on their lines.
        std::vector<std::string> written = values;
        const auto parsed = state::parse_config(changed);
        if (const auto* lines = std::get_if<std::vector<state::ConfigLine>>(&parsed)) {
            std::size_t i = 0;
            for (const state::ConfigLine& line : *lines) {
                if (line.name != name) continue;
                if (i == written.size()) break;
                written[i++] += line.value.substr(config_value(name, line.value).size());
            }
        }
        changed = state::edit_config(changed, name, written);
    }
    return changed;
}

} // namespace buzon::config
