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

#include "buzon/auth/secret.h"
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

void check_checkpassword(const std::string& program) {
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

void check_transforms(const auth::UserBase& users, const jobs::People& people) {
    const auth::UserBlock& block = users.block();
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
    if (!who) throw config::StartError(EX_NOUSER, "--transform-user", name + ": " + who.error().message());
    return std::move(who).value();
}

auth::UserBase load(const jobs::People& people) {
    std::string text;
    if (!people.file.empty()) text = read_named_file(people.file, longest_people_file);
    auto base = auth::UserBase::load(people.named, text);
    if (!base) {
        if (people.file.empty()) throw config::StartError(EX_USAGE, people.option, base.why());
        throw config::StartError(EX_CONFIG, people.file, base.why());
    }
    if (const auto broken = base.value().block().first_broken(); !broken.empty() && is_strict(people)) {
        const std::string name{broken.front().user.name};
        throw config::StartError(EX_CONFIG, people.file + " line " + std::to_string(broken.front().line),
                                 name + ": " + auth::fault_of_secret(broken.front().user.secret));
    }
    check_transforms(base.value(), people);
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

void check_options(const config::Options& options) {
    ProgramCheck check{options.transform_user};
    check("--transform-user", {});
    check("--transform", options.transform);
    if (!options.checkpassword.empty()) check_checkpassword(options.checkpassword);
    for (const auto& [user, spec] : options.transform_for) check("--transform-for", spec);
    if (!options.state_dir.empty()) (void)checked_root(options.state_dir);
    if (!options.log_socket.empty()) check_log_socket(options.log_socket);
    const bool beyond = std::any_of(options.mgmt_addresses.begin(), options.mgmt_addresses.end(),
                                    [](const net::Ip& ip) { return !ip.is_loopback(); });
    const bool nobody = load(config::administrators_of(options)).size() == 0;
    if (beyond && nobody) {
        throw config::StartError(EX_USAGE, "--mgmt-ip",
                                 "addresses beyond loopback need an administrator (--admin NAME:PASS)");
    }
}

} // namespace buzon::files
