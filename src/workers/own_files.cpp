#include "own_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "buzon/auth/user_name.h"
#include "buzon/files/arguments.h"
#include "buzon/filter/inspector.h"
#include "buzon/state/settings.h"

namespace buzon::workers {
namespace {

constexpr std::array paths = {
    std::pair{std::string_view{"config="}, &Desk::config}, std::pair{std::string_view{"users="}, &Desk::users},
    std::pair{std::string_view{"log="}, &Desk::log}, std::pair{std::string_view{"state="}, &Desk::state},
    std::pair{std::string_view{"managers="}, &Desk::managers}};

std::error_code refused() noexcept {
    return std::make_error_code(std::errc::operation_not_permitted);
}

// A reload may have brought another users file.
bool is_users_file(const std::string& path, const Desk& desk) {
    if (path.empty()) return false;
    if (path == desk.users) return true;
    try {
        return files::read_options(desk.arguments).users_file == path;
    } catch (const config::StartError&) {
        return false;
    }
}

bool has_locks(const std::string& mail_root) {
    struct stat about {};
    return ::lstat((mail_root + "/buzon-locks").c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// The same rule as in filter hosts (files/rules.h): without managers, programs do not change.
bool is_allowed_program(std::string_view spec, const config::Options& options, bool local_managers) {
    const filter::ParsedSpec parsed = filter::FilterSpec::parse(spec);
    const bool managers = local_managers || !options.admins.empty() || !options.admins_file.empty();
    if (!parsed.ok() || (options.transform_allow.empty() && !managers)) return false;
    return filter::not_allowed(parsed.spec, options.transform_allow).empty();
}

// Whether managers may change this at run time. The next start would trust it as the operator's word.
bool may_be_saved(const std::string& name, const std::string& value, const config::Options& options,
                  bool local_managers) {
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 && c != '\t'; })) return false;
    if (name == "path") return has_locks(value); // DIRR has made or found them
    if (name == "transform") return is_allowed_program(value, options, local_managers);
    if (name == "transform-for") // as in an option, a name may hold '=' (config/option_table.cpp)
        return is_allowed_program(std::string_view{value}.substr(value.substr(0, value.find('/')).rfind('=') + 1),
                                  options, local_managers);
    return name == "port" || name == "ip" || state::find_setting(name) != nullptr;
}

} // namespace

std::vector<std::string> to_words(const Desk& desk) {
    std::vector<std::string> words;
    for (const auto& [name, path] : paths)
        if (!(desk.*path).empty()) words.push_back(std::string{name} + desk.*path);
    return words;
}

std::optional<Worker> worker_of(std::span<const char* const> argv) {
    using sandbox::Role;
    constexpr std::array roles = {
        std::pair{jobs::worker_name, Role::mail}, std::pair{jobs::files_worker_name, Role::files},
        std::pair{jobs::hash_worker_name, Role::hash}, std::pair{jobs::lock_worker_name, Role::locks}};
    if (argv.size() < 2) return std::nullopt;
    const auto role = std::find_if(roles.begin(), roles.end(),
                                   [&](const auto& one) { return std::strcmp(argv.front(), one.first) == 0; });
    if (role == roles.end()) return std::nullopt;
    Worker worker;
    std::vector<const char*> plan;
    for (const char* const word : argv.subspan(1)) {
        const std::string_view text = word;
        const auto named =
            std::find_if(paths.begin(), paths.end(), [text](const auto& one) { return text.starts_with(one.first); });
        if (role->second == Role::files && named != paths.end())
            worker.desk.*(named->second) = text.substr(named->first.size());
        else if (role->second == Role::mail && (text == "alone" || text == "shared"))
            worker.duty = text == "alone" ? Duty::alone : Duty::shared;
        else
            plan.push_back(word);
    }
    auto parsed = sandbox::from_arguments(role->second, plan);
    if (!parsed) return std::nullopt;
    worker.plan = std::move(*parsed);
    return worker;
}

std::error_code fault_of(const jobs::Edit& job, const Desk* desk) {
    if (!desk) return {};
    if (job.what == jobs::Edited::users) {
        const auto fit = [](const std::string& name) { return auth::fault_of_user_name(name).empty(); };
        const bool names =
            std::all_of(job.users.begin(), job.users.end(), [&](const auto& one) { return fit(one.first); }) &&
            std::all_of(job.gone.begin(), job.gone.end(), fit);
        return names && is_users_file(job.path, *desk) ? std::error_code{} : refused();
    }
    if (job.path.empty() || job.path != desk->config) return refused();
    config::Options options;
    try {
        options = files::read_options(desk->arguments);
    } catch (const config::StartError&) {
        return refused();
    }
    for (const auto& [name, values] : job.edits)
        for (const std::string& value : values)
            if (!may_be_saved(name, value, options, !desk->managers.empty())) return refused();
    return {};
}

std::error_code fault_of(const jobs::Store& job, const Desk* desk) {
    if (!desk) return {};
    const bool ours = !desk->state.empty() && job.path.starts_with(desk->state + '/') &&
                      job.path.find('/', desk->state.size() + 1) == job.path.npos;
    return ours ? std::error_code{} : refused();
}

std::error_code fault_of(const jobs::Watch& job, const Desk* desk) {
    return !desk || is_users_file(job.path, *desk) ? std::error_code{} : refused();
}

std::error_code fault_of(const jobs::OpenLog& job, const Desk* desk) {
    return !desk || (!job.path.empty() && job.path == desk->log) ? std::error_code{} : refused();
}

} // namespace buzon::workers
