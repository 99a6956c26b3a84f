#include "buzon/config/people.h"

#include "buzon/auth/secret.h"

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
    for (const auto& [user, line] : loaded.block().first_broken()) {
        warnings.push_back(file + " line " + std::to_string(line) + ": " +
                           auth::locked_words(user.name, auth::fault_of_secret(user.secret)));
    }
    if (all > warnings.size()) {
        warnings.push_back(file + ": " + std::to_string(all - warnings.size()) +
                           " more users cannot log in; --check and USER LIST name them all");
    }
    return warnings;
}

Options read_again(const Options& before, const std::string& config_text) {
    const std::vector<std::string_view> words{before.arguments.begin(), before.arguments.end()};
    Options fresh = parse_options(words, [&config_text](const std::string&) { return config_text; });
    if (before.demo) { // it created its mail root and users itself
        fresh.path = before.path;
        fresh.users = before.users;
        fresh.addresses = before.addresses;
    }
    return fresh;
}

} // namespace buzon::config
