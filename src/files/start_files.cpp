#include "buzon/files/start_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include "buzon/files/read_files.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/inspector.h"
#include "buzon/posix/io.h"

namespace buzon::files {
namespace {

constexpr std::size_t longest_people_file = 256u << 20;

// Checks programs as the user who will run them.
class ProgramCheck {
public:
    explicit ProgramCheck(const std::string& user)
        : who_{user.empty() ? std::nullopt : std::optional{programs_user(user)}}, inspector_{who_ ? &*who_ : nullptr} {}

    void operator()(const std::string& option, const filter::FilterSpec& spec) {
        const auto wrong = inspector_.check(spec);
        if (!wrong) return;
        const int code = wrong->kind == filter::Unfit::not_executable ? EX_NOPERM : EX_NOINPUT;
        throw config::StartError(code, option, wrong->text);
    }

private:
    const std::optional<filter::RunAs> who_;
    filter::Inspector inspector_;
};

void check_login_program(const std::string& program) {
    std::error_code why;
    const bool directory = std::filesystem::is_directory(program, why); // directories can be "executable", too
    if (directory)
        why = {EISDIR, std::system_category()};
    else if (::access(program.c_str(), X_OK) != 0)
        why = posix::last_error();
    else
        return;
    throw config::StartError(config::exit_code_for(why), program, why.message());
}

// The socket must exist, but a daemon need not be listening yet.
void check_log_socket(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) {
        const std::error_code why = posix::last_error();
        throw config::StartError(config::exit_code_for(why), path, why.message());
    }
    if (!S_ISSOCK(about.st_mode)) throw config::StartError(EX_NOINPUT, path, "not a socket");
}

int exit_code_for_log(std::error_code why) {
    switch (why.value()) {
    case EROFS:
    case ENOSPC:
    case EDQUOT: return EX_CANTCREAT;
    default: return config::exit_code_for(why);
    }
}

// Creates nothing: --check leaves no trace.
void check_log_file(const std::string& path) {
    const auto refuse = [&path](std::error_code why) {
        throw config::StartError(exit_code_for_log(why), path, why.message());
    };
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0) {
        if (S_ISDIR(about.st_mode)) refuse({EISDIR, std::system_category()});
        if (!S_ISREG(about.st_mode) && !S_ISCHR(about.st_mode))
            throw config::StartError(EX_NOINPUT, path, "not a regular file");
        if (::access(path.c_str(), W_OK) != 0) refuse(posix::last_error());
        return;
    }
    if (errno != ENOENT) refuse(posix::last_error());
    std::error_code why;
    const std::filesystem::path directory = std::filesystem::absolute(path, why).parent_path();
    if (::access(directory.c_str(), W_OK | X_OK) != 0) refuse(posix::last_error());
}

void check_folder(const std::string& option, const std::string& path) {
    struct stat about {};
    std::error_code why;
    if (::stat(path.c_str(), &about) != 0)
        why = posix::last_error();
    else if (!S_ISDIR(about.st_mode))
        why = std::make_error_code(std::errc::not_a_directory);
    if (why) throw config::StartError(config::exit_code_for(why), option + ' ' + path, why.message());
}

std::string why_no_user(const std::string& name, std::error_code why) {
    const bool unknown = why == std::errc::no_such_file_or_directory;
    return name + ": " + (unknown ? "no such system user" : why.message());
}

void check_transforms(const auth::UserBlock& block, const jobs::People& people) {
    std::set<std::string_view> seen; // many users, few programs
    std::optional<ProgramCheck> check;
    for (std::uint32_t i = 0; i < block.count(); ++i) {
        const auth::User user = block.user(i);
        if (user.transform.empty() || !seen.insert(user.transform).second) continue;
        const std::string where = people.file + ": " + std::string{user.name};
        const filter::ParsedSpec parsed = filter::FilterSpec::parse(user.transform);
        if (!parsed.ok()) throw config::StartError(EX_CONFIG, where, parsed.problem);
        if (!check) check.emplace(people.programs_user);
        (*check)(where, parsed.spec);
    }
}

// There are few administrators, and a server that nobody can manage should not start: all their secrets must be usable.
bool is_strict(const jobs::People& people) {
    return people.option == "--admin";
}

} // namespace

filter::RunAs programs_user(const std::string& name) {
    auto who = filter::resolve_user(name);
    if (!who) throw config::StartError(EX_NOUSER, "--transform-user", why_no_user(name, who.error()));
    return std::move(who).value();
}

posix::Ids run_as(const config::Options& options) {
    if (::geteuid() != 0) return {};
    auto who = filter::resolve_user(options.run_as.empty() ? "buzon" : options.run_as);
    if (!who && options.run_as.empty()) who = filter::resolve_user("nobody");
    const std::string name = options.run_as.empty() ? "nobody" : options.run_as;
    if (!who) throw config::StartError(EX_NOUSER, "--run-as", why_no_user(name, who.error()));
    if (who.value().uid == 0) throw config::StartError(EX_USAGE, "--run-as", "must be a user without root's rights");
    return {who.value().uid, who.value().gid};
}

auth::LoadedUsers load(const jobs::People& people) {
    std::string text;
    if (!people.file.empty()) text = read_named_file(people.file, longest_people_file);
    auto base = auth::UserBase::load(people.named, text);
    if (!base) {
        if (people.file.empty()) throw config::StartError(EX_USAGE, people.option, base.why());
        throw config::StartError(EX_CONFIG, people.file, base.why());
    }
    if (const auto broken = base.value().users.first_broken(); !broken.empty() && is_strict(people)) {
        throw config::StartError(EX_CONFIG, people.file + " line " + std::to_string(broken.front().line),
                                 auth::faults_of(broken.front().user).front());
    }
    check_transforms(base.value().users, people);
    return std::move(base).value();
}

CheckedPeople check(const jobs::People& people) {
    std::string text;
    if (!people.file.empty()) text = read_named_file(people.file, longest_people_file);
    std::vector<auth::Finding> findings;
    const auto base = auth::UserBase::load(people.named, text, &findings);
    CheckedPeople found;
    for (const auth::Finding& one : findings) {
        found.lines += "server: " + people.file + " line " + std::to_string(one.line) + ": " + one.what + '\n';
        found.usable = found.usable && !one.fatal && !is_strict(people);
    }
    return found;
}

std::string checked_root(const std::string& path) {
    std::error_code why;
    const std::filesystem::path absolute = std::filesystem::absolute(path, why);
    if (why) throw config::StartError(config::exit_code_for(why), path, why.message());
    const posix::UniqueFd directory{::open(absolute.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory) {
        why = posix::last_error();
        throw config::StartError(config::exit_code_for(why), path, why.message());
    }
    std::string root = absolute.lexically_normal().string();
    while (root.size() > 1 && root.back() == '/') root.pop_back();
    return root;
}

posix::UniqueFd open_log(const std::string& path) {
    check_log_file(path);
    // O_NONBLOCK: if the file has become a FIFO in the meantime, it must not block us.
    posix::UniqueFd file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640)};
    if (file) return file;
    const std::error_code why = posix::last_error();
    throw config::StartError(exit_code_for_log(why), path, why.message());
}

posix::UniqueFd reopen_log(const std::string& path, std::string& problem) {
    try {
        return open_log(path);
    } catch (const config::StartError& why) {
        problem = why.what();
        return {};
    }
}

void check_options(const config::Options& options, config::Faults* faults) {
    const auto step = [faults](const auto& check) { config::attempt(faults, check); };
    step([&] {
        ProgramCheck check{options.transform_user};
        step([&] { check("--transform-user", {}); });
        step([&] { check("--transform", options.transform); });
        for (const auto& own : options.transform_for) step([&] { check("--transform-for " + own.first, own.second); });
    });
    for (const std::string& path : options.transform_allow) step([&] { check_folder("--transform-allow", path); });
    for (const std::string& path : options.transform_read) step([&] { check_folder("--transform-read", path); });
    step([&] {
        for (const filter::FilterSpec* spec :
             {&options.checkpassword, &options.password_program, &options.token_program})
            if (!spec->empty()) check_login_program(spec->members().front().path);
    });
    step([&] {
        if (!options.state_dir.empty()) (void)checked_root(options.state_dir);
    });
    step([&] {
        if (!options.log_socket.empty()) check_log_socket(options.log_socket);
    });
    step([&] {
        if (!options.log_file.empty()) check_log_file(options.log_file);
    });
    step([&] {
        const bool beyond = std::any_of(options.mgmt_addresses.begin(), options.mgmt_addresses.end(),
                                        [](const net::Ip& ip) { return !ip.is_loopback(); });
        const bool nobody = load(config::administrators_of(options)).users.count() == 0;
        if (beyond && nobody) {
            throw config::StartError(EX_USAGE, "--mgmt-ip",
                                     "addresses beyond loopback need an administrator (--admin NAME:PASS)");
        }
    });
}

} // namespace buzon::files
