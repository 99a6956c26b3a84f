// server/main.cpp - the server program: options, the three standard descriptors, the wiring, the exit code.
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/files/arguments.h"
#include "buzon/files/read_files.h"
#include "buzon/files/start_files.h"
#include "buzon/files/tls_program.h"
#include "buzon/host/host.h"
#include "buzon/jobs/jobs.h"
#include "buzon/keeping/keep.h"
#include "buzon/posix/io.h"
#include "buzon/posix/sanitized.h"
#include "buzon/sandbox/denials.h"
#include "buzon/systemd/handed.h"
#include "buzon/worker/serve.h"
#include "buzon/workers/work.h"
#include "check.h"
#include "confinement.h"
#include "demo.h"
#include "server.h"
#include "start_error_line.h"
#include "verify_uidls.h"

#ifdef BUZON_PROBE
#include "probe/probe.h"
#endif

namespace {

using namespace buzon;

#ifdef BUZON_PROBE
constexpr auto confined = probe::run; // a test's program, never installed
void tell_reactor_confined() {
    confined({sandbox::Role::reactor});
}
#else
constexpr void (*confined)(const sandbox::Plan&) = nullptr;
void tell_reactor_confined() noexcept {}
#endif

constexpr int uidls_differ = 1; // the exit code of --uidl-verify, as with diff(1)

// Sets the name that ps(1) and /proc/PID/comm show, however this process was started.
void take_name(const char* name) {
    ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

void say(int fd, const std::string& text) {
    (void)posix::write_all(fd, text); // the descriptor may be closed
}

void prepare_demo(config::Options& options, const server::Demo& demo) {
    options.path = demo.root();
    const std::vector<net::Ip> loopback = {net::Ip::from_v4(0x7f000001), *net::Ip::parse("::1")};
    if (options.addresses.empty()) options.addresses = loopback;
    if (options.mgmt_addresses.empty() && options.mgmt_paths.empty()) options.mgmt_addresses = loopback;
    if (net::to_socket_address(demo.management_socket())) options.mgmt_paths.push_back(demo.management_socket());
}

int say_findings(const server::CheckResult& found) {
    say(STDERR_FILENO, found.findings);
    if (found.code != EX_OK) return found.code;
    say(STDOUT_FILENO, found.findings.empty() ? "all options and files are valid\n"
                                              : "the server would start with these options and files\n");
    return EX_OK;
}

// Everybody on the machine can read a process's command line, so this erases the secrets in ours at once, and in our
// memory too. It leaves a star. Returns the complete arguments, kept in memory of their own (files/arguments.h).
posix::UniqueFd hide_secrets(int argc, char** argv, std::vector<std::string>& copies) {
    copies.assign(argv + std::min(argc, 1), argv + argc);
    posix::UniqueFd whole = files::keep_arguments(copies);
    const std::vector<std::string_view> originals{argv + std::min(argc, 1), argv + argc};
    for (const std::string_view secret : config::secrets_in(originals)) {
        char* const octets = const_cast<char*>(secret.data()); // of argv
        std::fill_n(octets, secret.size(), '\0');
        if (!secret.empty()) octets[0] = '*';
    }
    const std::vector<std::string_view> views{copies.begin(), copies.end()};
    for (const std::string_view secret : config::secrets_in(views))
        std::fill_n(const_cast<char*>(secret.data()), secret.size(), '*'); // of the copies
    return whole;
}

// `whole`: the arguments with their secrets.
int check(const posix::UniqueFd& whole) {
    const std::vector<std::string> words = files::read_arguments(whole.get());
    const std::vector<std::string_view> arguments{words.begin(), words.end()};
    config::Faults faults;
    const config::Options options = config::parse_options(arguments, files::read_config_file, &faults);
    return say_findings(server::check(options, std::move(faults)));
}

// What a server starts with.
struct Start {
    posix::UniqueFd whole;            // the arguments with their secrets
    std::optional<server::Demo> demo; // of --default
    systemd::Handed handed;
    keeping::Birth birth;
};

int run(std::span<const std::string_view> arguments, Start start) {
    config::Faults faults;
    config::Options options = config::parse_options(arguments, files::read_config_without_secrets, &faults);
    if (options.task == config::Options::Task::check) return check(start.whole);
    if (!faults.empty()) throw config::StartError{faults.front()};
    switch (options.task) {
    case config::Options::Task::help: say(STDOUT_FILENO, config::help_text()); return EX_OK;
    case config::Options::Task::version: say(STDOUT_FILENO, "buzon " BUZON_VERSION "\n"); return EX_OK;
    default: break;
    }
    server::check_sandbox(options);
    if (start.demo) prepare_demo(options, *start.demo);
    files::StartPeople people = files::load_apart(options, start.whole.get());
    start.whole.reset();
    files::check_tls(options);
    if (options.task == config::Options::Task::verify_uidls) {
        std::string report;
        const bool same = server::verify_uidls(options, people.users, files::checked_root(options.path), report);
        say(STDOUT_FILENO, report);
        return same ? EX_OK : uidls_differ;
    }
    std::string root = files::checked_root(options.path);
    const bool again = !start.birth.last_end.empty(); // the ready line has been printed already
    const bool sandboxed = options.sandbox != sandbox::Mode::off;
    const net::Ip address = options.addresses.empty() ? net::Ip{} : options.addresses.front();
    auto server = std::make_unique<server::Server>(std::move(options), std::move(people), std::move(root),
                                                   std::move(start.handed), std::move(start.birth));
    std::string greeting = server->ready_line() + '\n';
    if (start.demo && ::isatty(STDOUT_FILENO) != 0) greeting += start.demo->advice(address, server->port());
    server->give_up();
    tell_reactor_confined();
    server->run([&] {
        if (!again) say(STDOUT_FILENO, greeting);
    });
    server.reset();
    // At exit LeakSanitizer would trace this process, but the sandbox forbids tracing.
    if (posix::sanitized && sandboxed) ::_exit(EX_OK);
    return EX_OK;
}

} // namespace

int main(int argc, char** argv) {
#ifdef BUZON_PROBE
    if (argc == 3 && std::strcmp(argv[1], "-fd") == 0) probe::run_as_tls_program();
#endif
    std::signal(SIGXFSZ, SIG_IGN); // exceeding a file size limit fails the write instead of killing us
    if (argc == 2 && std::strcmp(argv[0], host::process_name) == 0)
        ::_exit(host::serve(worker::worker_socket, {argv + 1, 1}));
    if (argc > 1 && std::strcmp(argv[0], host::one_program_name) == 0)
        ::_exit(host::serve_only(worker::worker_socket, {argv + 1, argv + argc}));
    if (argc > 0 && std::strcmp(argv[0], tls::child_name) == 0) {
        take_name(tls::child_name);
        ::_exit(files::become_tls_program(worker::worker_socket, {argv + 1, static_cast<std::size_t>(argc - 1)}));
    }
    if (const auto worker = workers::worker_of({argv, static_cast<std::size_t>(argc)})) {
        take_name(argv[0]);
        ::_exit(workers::worker_main(*worker, confined)); // it leaves nothing to clean up
    }
    Start start;
    start.handed = systemd::take_handed();
    posix::fill_standard_descriptors();
    std::vector<std::string> copies;
    std::vector<std::string_view> arguments;
    try {
        start.whole = hide_secrets(argc, argv, copies);
        arguments.assign(copies.begin(), copies.end());
        const auto denials = sandbox::make_denials();
        keeping::Settings children;
        if (denials && sandbox::count_denials_in(denials.value().get())) children.denials = denials.value().get();
        children.arguments = start.whole.get();
        std::optional<keeping::Starter> starter;
        config::Faults faults;
        const config::Options options = config::parse_options(arguments, files::read_config_without_secrets, &faults);
        // Fork while this process is small and knows no secrets.
        if (options.task == config::Options::Task::serve && faults.empty()) {
            children.limited = options.sandbox != sandbox::Mode::off;
            children.confined = confined;
            if (options.demo) start.demo = server::Demo::make();
            if (options.demo) children.at_end = [demo = start.demo] { demo->remove(); };
            if (::geteuid() != 0) {
                start.birth.channel = starter.emplace(children).channel();
            } else if (const std::optional<int> code = keeping::keep(children, start.birth)) {
                return *code;
            }
            take_name("buzond");
        }
        return run(arguments, std::move(start));
    } catch (const config::StartError& trouble) {
        say(STDERR_FILENO, server::start_error_line(arguments, trouble.what()));
        return trouble.code();
    } catch (const std::exception& trouble) {
        say(STDERR_FILENO, server::start_error_line(arguments, trouble.what()));
        return EX_OSERR;
    }
}
