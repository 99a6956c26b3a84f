#include "buzon/config/people.h"

namespace buzon::config {

jobs::People users_of(const Options& options) {
    return {options.users, "--user", options.users_file, options.transform_user};
}

jobs::People administrators_of(const Options& options) {
    return {options.admins, "--admin", options.admins_file, {}};
}

std::vector<std::string> warnings_of(const auth::UserBase& loaded, const std::string& file) {
    std::vector<std::string> warnings;
    const std::uint32_t all = loaded.block().broken_count();
    const auto first = loaded.block().first_broken();
    for (const auto& [user, line] : first) {
        for (const std::string& words : auth::faults_of(user))
            warnings.emplace_back(file).append(" line " + std::to_string(line) + ": ").append(words);
    }
    if (all > first.size()) {
        warnings.push_back(file + ": " + std::to_string(all - first.size()) +
                           " more users have broken secrets; --check names them all");
    }
    return warnings;
}

Options read_again(const Options& before, const std::string& config_text) {
    const std::vector<std::string_view> words{before.arguments.begin(), before.arguments.end()};
    Options fresh = parse_options(words, [&config_text](const std::string&) { return config_text; });
    if (before.demo) { // --default created its mail root itself
        fresh.path = before.path;
        fresh.addresses = before.addresses;
    }
    return fresh;
}

} // namespace buzon::config
