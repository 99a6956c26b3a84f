#include "confinement.h"

#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include "buzon/files/rules.h"
#include "buzon/files/start_files.h"
#include "buzon/files/tls_program.h"
#include "buzon/login/checkpassword_run.h"
#include "buzon/posix/act_as.h"
#include "buzon/workers/work.h"

namespace buzon::server {
namespace {

using sandbox::Access;
using sandbox::Role;

// Adds the file's folder, since the file is replaced by a new one created there.
void add_folder(std::vector<sandbox::Allowed>& to, const std::string& file) {
    std::error_code why;
    const std::filesystem::path whole = std::filesystem::absolute(file, why);
    if (!file.empty() && !why) to.push_back({whole.parent_path().string(), Access::write});
}

std::vector<sandbox::Allowed> files_for(const config::Options& options) {
    std::vector<sandbox::Allowed> all{{"/", Access::read}};
    for (const std::string& file : {options.config_file, options.users_file, options.admins_file, options.log_file})
        add_folder(all, file);
    if (!options.state_dir.empty()) all.push_back({options.state_dir, Access::write});
    return all;
}

void send(keeper::Client& keeper, keeper::Role role, const sandbox::Plan& plan,
          const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = sandbox::to_arguments(plan);
    words.insert(words.end(), more.begin(), more.end());
    if (!keeper.instruct(role, words))
        throw config::StartError(EX_OSERR, "--sandbox", "the names of the operator's files are too long");
}

// Cannot be undone.
void become(const posix::Ids& run_as) {
    const pid_t keeper = ::getppid();
    if (const int why = posix::act_as(run_as))
        throw config::StartError(EX_OSERR, "--run-as", std::error_code{why, std::system_category()}.message());
    // Changing the user has cleared this setting, so the process would outlive its parent.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != keeper) throw config::StartError(EX_OSERR, "--run-as", "the keeper is gone");
}

const char* what_lacks(const sandbox::InForce& have) {
    if (!have.landlock && !have.seccomp) return "this kernel has neither Landlock nor seccomp filters";
    if (!have.landlock) return "this kernel has no Landlock (Linux 5.19 with LSM landlock)";
    if (!have.seccomp) return "this kernel has no seccomp filters";
    return nullptr;
}

} // namespace

void send_plans(keeper::Client& keeper, const config::Options& options, bool local_managers) {
    sandbox::Plan files{Role::files, options.sandbox, files_for(options)};
    files.asks_as_others = !options.transform_user.empty();
    send(keeper, keeper::Role::files, files,
         workers::to_words({options.config_file, options.users_file, options.log_file, options.state_dir,
                            local_managers ? "local" : ""}));
    send(keeper, keeper::Role::hash, {Role::hash, options.sandbox});
    // What each of these is for is said when it is started.
    send(keeper, keeper::Role::locks, {Role::locks, options.sandbox});
    send(keeper, keeper::Role::mail, {Role::mail, options.sandbox});
    (void)keeper.instruct(keeper::Role::tls, {std::string{sandbox::name_of(options.sandbox)}});
}

void send_mail_plan(keeper::Client& keeper, const config::Options& options, const std::vector<sandbox::Allowed>& mail) {
    send(keeper, keeper::Role::mail, {Role::mail, options.sandbox, mail});
}

void send_login_program(keeper::Client& keeper, const config::Options& options) {
    const bool once = options.password_program.empty();
    const filter::FilterSpec& spec = once ? options.checkpassword : options.password_program;
    if (spec.empty()) return;
    const filter::FilterMember& program = spec.members().front();
    std::vector<std::string> words = once ? login::checkpassword_arguments(program.arguments) : program.arguments;
    words.insert(words.begin(), program.path);
    if (!keeper.instruct(keeper::Role::logins, words))
        throw config::StartError(EX_OSERR, "--checkpassword", "its words are too long, or one of them is empty");
}

void confine_reactor(const config::Options& options, const posix::Ids& run_as, const std::string& readable_root) {
    if (run_as != posix::Ids{}) become(run_as);
    sandbox::Plan plan{Role::reactor, options.sandbox};
    if (!readable_root.empty()) plan.files.push_back({readable_root, Access::read});
    const auto entered = sandbox::enter(plan);
    if (!entered) throw config::StartError(EX_OSERR, "--sandbox", entered.error().message());
}

void send_rules(keeper::Client& keeper, const config::Options& options, const auth::UserBlock& users,
                bool local_managers) {
    const auto send = [&keeper](const files::RulesText& rules,
                                const filter::RunAs& who = {{}, posix::Ids::unsaid, posix::Ids::unsaid, {}}) {
        auto memory = files::seal(rules);
        if (!memory) throw std::system_error(memory.error(), "rules");
        keeper.obey(rules.subject, std::move(memory).value(), {who.uid, who.gid}, who.groups);
    };
    if (options.transform_user.empty())
        send(files::rules_of(options, local_managers));
    else
        send(files::rules_of(options, local_managers), files::programs_user(options.transform_user));
    send(files::rules_of(users));
    if (!options.tls.certificate.empty()) {
        const posix::Ids who = files::tls_user();
        send(files::tls_rules_of(options), {{}, who.uid, who.gid, {}});
    }
}

void check_sandbox(const config::Options& options) {
    const char* const lacking = what_lacks(sandbox::available());
    if (options.sandbox == sandbox::Mode::require && lacking)
        throw config::StartError(EX_OSERR, "--sandbox", std::string{lacking});
}

void tell_of_sandbox(const config::Options& options, Logging& logging) {
    if (options.sandbox == sandbox::Mode::off)
        return logging.warn(
            "--sandbox off: a fault in one part of the server can reach everything that the server can");
    if (const char* const lacking = what_lacks(sandbox::available()))
        logging.say(state::Level::notice, std::string{"not all of --sandbox is in force: "} + lacking);
}

void tell_of_jail(const config::Options& options, Logging& logging) {
    if (options.transform_jail == filter::JailKind::off) return;
    const int version = sandbox::landlock_version();
    if (version == 0)
        logging.warn("--transform-jail: this kernel has no Landlock (Linux 5.19): transformations can reach everything "
                     "that their user can");
    else if (version < 6)
        logging.say(
            state::Level::notice,
            "--transform-jail: this kernel cannot keep transformations from signalling other processes (Linux 6.12)");
}

std::string sandbox_words(const config::Options& options, bool by_keeper) {
    std::string words = by_keeper ? "keeper" : "";
    if (options.sandbox != sandbox::Mode::off)
        words.append(words.empty() ? "" : " ").append(sandbox::words_for(sandbox::available()));
    return words.empty() ? "-" : words;
}

} // namespace buzon::server
