// server/main.cpp - the server program: options, the three standard descriptors, the wiring, the exit code.
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/files/read_files.h"
#include "buzon/files/start_files.h"
#include "buzon/jobs/jobs.h"
#include "buzon/posix/io.h"
#include "buzon/workers/work.h"
#include "demo.h"
#include "server.h"
#include "start_error_line.h"
#include "verify_uidls.h"

namespace {

using namespace buzon;

constexpr int uidls_differ = 1; // the exit code of --uidl-verify, as diff has it

// As ps(1) and /proc/PID/comm show this process, however it was started.
void take_name(const char* name) {
    ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

// What this process is as a worker (worker/pool.h); null when it is the server.
const char* name_of_worker(int argc, char** argv) {
    if (argc != 1) return nullptr;
    for (const char* name : {jobs::worker_name, jobs::hash_worker_name, jobs::lock_worker_name})
        if (std::strcmp(argv[0], name) == 0) return name;
    return nullptr;
}

void say(int fd, const std::string& text) {
    (void)posix::write_all(fd, text); // nobody may be listening
}

void prepare_demo(config::Options& options, std::unique_ptr<server::Demo>& demo) {
    demo = std::make_unique<server::Demo>();
    options.path = demo->root();
    options.users = server::Demo::users();
    if (options.addresses.empty()) options.addresses = {net::Ip::from_v4(0x7f000001), *net::Ip::parse("::1")};
}

// Everything that is wrong with the files of people first, since the rest stops at the first mistake.
int check(const config::Options& options) {
    bool usable = true;
    bool warned = false;
    for (const jobs::People& people : {config::users_of(options), config::administrators_of(options)}) {
        const files::CheckedPeople found = files::check(people);
        say(STDERR_FILENO, found.lines);
        usable = usable && found.usable;
        warned = warned || !found.lines.empty();
    }
    if (!usable) return EX_CONFIG;
    files::check_options(options);
    const auth::UserBase users = files::load(config::users_of(options));
    if (!options.demo) (void)files::checked_root(options.path);
    if (!options.demo && users.size() == 0 && options.checkpassword.empty()) {
        say(STDERR_FILENO, "server: there are no users: nobody can log in\n");
        warned = true;
    }
    say(STDOUT_FILENO,
        warned ? "the server would start with these options and files\n" : "all options and files are valid\n");
    return EX_OK;
}

int run(std::span<const std::string_view> arguments) {
    config::Options options = config::parse_options(arguments, files::read_config_file);
    switch (options.task) {
    case config::Options::Task::help: say(STDOUT_FILENO, config::help_text()); return EX_OK;
    case config::Options::Task::version: say(STDOUT_FILENO, "buzon " BUZON_VERSION "\n"); return EX_OK;
    case config::Options::Task::check: return check(options);
    default: break;
    }
    files::check_options(options);
    auth::UserBase users = files::load(config::users_of(options));
    if (options.task == config::Options::Task::verify_uidls) {
        std::string report;
        const bool same = server::verify_uidls(options, users, files::checked_root(options.path), report);
        say(STDOUT_FILENO, report);
        return same ? EX_OK : uidls_differ;
    }
    std::unique_ptr<server::Demo> demo;
    if (options.demo) {
        prepare_demo(options, demo);
        users = files::load(config::users_of(options));
    }
    std::string root = files::checked_root(options.path);
    server::Server server{std::move(options), std::move(users), std::move(root)};
    say(STDOUT_FILENO, server.ready_line() + '\n');
    server.run();
    return EX_OK;
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is a failed write, not our end
    if (const char* const name = name_of_worker(argc, argv)) {
        take_name(name);
        ::_exit(workers::worker_main()); // it leaves nothing that would have to be put in order
    }
    take_name("buzond");
    posix::fill_standard_descriptors();
    const std::vector<std::string_view> arguments{argv + std::min(argc, 1), argv + argc};
    try {
        return run(arguments);
    } catch (const config::StartError& trouble) {
        say(STDERR_FILENO, server::start_error_line(arguments, trouble.what()));
        return trouble.code();
    } catch (const std::exception& trouble) {
        say(STDERR_FILENO, server::start_error_line(arguments, trouble.what()));
        return EX_OSERR;
    }
}
