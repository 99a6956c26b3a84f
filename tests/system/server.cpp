// system/server.cpp
#include "system/server.h"

#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/programs.h"

namespace buzon::test {
namespace {

// The first line that a program writes to a pipe, or what has arrived of it when the program ends or is silent for too
// long.
std::string first_line(int pipe) {
    std::string line;
    while (!line.ends_with('\n')) {
        pollfd one{pipe, POLLIN, 0};
        if (::poll(&one, 1, static_cast<int>(patience.count() * 1000)) <= 0) break;
        char octet = 0;
        if (posix::read_some(pipe, {&octet, 1}).what != posix::Moved::some) break;
        line += octet;
    }
    if (line.ends_with('\n')) line.pop_back();
    return line;
}

std::string tail(const std::string& text) {
    return text.size() < 8000 ? text : text.substr(text.size() - 8000);
}

Server::Setup with_users(int users, Words arguments) {
    for (int n = 1; n <= users; ++n) {
        arguments.push_back("-u");
        arguments.push_back("user" + std::to_string(n) + ":pass" + std::to_string(n));
    }
    Server::Setup setup;
    setup.arguments = std::move(arguments);
    return setup;
}

} // namespace

Server::Server(int users, Words arguments) {
    for (int n = 1; n <= users; ++n) (void)maildir("user" + std::to_string(n));
    start(with_users(users, std::move(arguments)));
}

Server::Setup Server::of_own_mail(int users, Words arguments) {
    Setup setup = with_users(users, std::move(arguments));
    setup.own_mail = true;
    return setup;
}

void Server::give_mail() const {
    if (::geteuid() != 0) return;
    constexpr uid_t nobody = 65534;
    std::filesystem::permissions(directory_.path(), std::filesystem::perms{0711});
    for (const auto& one : std::filesystem::recursive_directory_iterator(root()))
        (void)!::lchown(one.path().c_str(), nobody, nobody);
    (void)!::lchown(root().c_str(), nobody, nobody);
}

Server::Server(const Setup& setup) {
    start(setup);
}

void Server::start(const Setup& setup) {
    std::filesystem::create_directories(root());
    if (setup.own_mail) give_mail();
    Launch launch;
    launch.argv = setup.before;
    const std::string program = setup.program.empty() ? server_program() : setup.program;
    launch.argv.insert(launch.argv.end(), {program, "-p", "0", "-P", "0"});
    if (!setup.own_addresses) launch.argv.insert(launch.argv.end(), {"-l", "127.0.0.1", "-L", "127.0.0.1"});
    if (!setup.own_root) launch.argv.insert(launch.argv.end(), {"-d", root()});
    if (setup.own_mail && ::geteuid() == 0) launch.argv.insert(launch.argv.end(), {"--run-as", "nobody"});
    launch.argv.insert(launch.argv.end(), setup.arguments.begin(), setup.arguments.end());
    launch.environment = setup.environment;
    // Memory tests should measure the server, not AddressSanitizer's store of freed blocks. Short stacks save a
    // seventh of the processor time.
    const char* const sanitizer = std::getenv("ASAN_OPTIONS");
    launch.environment.try_emplace("ASAN_OPTIONS", std::string(sanitizer ? sanitizer : "") +
                                                       ":quarantine_size_mb=4:malloc_context_size=5");
    launch.directory = directory_.path();

    auto out = posix::make_pipe(false);
    if (!out) throw std::system_error(out.error(), "pipe");
    const posix::UniqueFd log{::open((directory_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    launch.standard[1] = out.value().write_end.get();
    launch.standard[2] = log.get();
    process_ = std::make_unique<Process>(launch);
    out.value().write_end.reset();
    out_ = std::move(out.value().read_end);

    ready_line_ = first_line(out_.get());
    if (std::sscanf(ready_line_.c_str(), "Server started on port %hu and for managers on port %hu,", &port_,
                    &management_port_) != 2) {
        watched_ = false;
        throw std::runtime_error("no ready line but '" + ready_line_ + "'; log: " + tail(this->log()));
    }
}

Server::~Server() {
    if (std::uncaught_exceptions() > 0) {
        WARN("log of the server:\n" << tail(log()));
        return;
    }
    if (!watched_) return;
    process_->signal(SIGTERM);
    const auto code = process_->wait();
    if (code != 0) FAIL_CHECK("the server ended with " << code.value_or(-1) << "; its log:\n" << tail(log()));
    const std::string said = log();
    for (const char* crash : {"started again: the process that served", "Assertion `", "AddressSanitizer"})
        if (!crashes_ && said.find(crash) != std::string::npos) FAIL_CHECK("the reactor crashed; the log:\n" << said);
}

Pop3Client Server::session(int user) const {
    Pop3Client client = this->client();
    client.login("user" + std::to_string(user), "pass" + std::to_string(user));
    return client;
}

pid_t Server::reactor() const {
    if (proc_text(pid(), "comm") == "buzond\n") return pid();
    for (const pid_t child : children_of(pid()))
        if (proc_text(child, "comm") == "buzond\n") return child;
    throw std::runtime_error("no process is called buzond");
}

std::string Server::log() const {
    return std::filesystem::exists(directory_ / "log") ? read_whole(directory_ / "log") : std::string{};
}

bool Server::logs(const std::string& text) const {
    return eventually([&] { return log().find(text) != std::string::npos; });
}

ExitCode Server::stop() {
    process_->signal(SIGTERM);
    const auto code = process_->wait();
    if (!code) throw std::runtime_error("the server does not end after SIGTERM");
    return *code;
}

Finished run_server(const Words& arguments) {
    Words argv{server_program()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(argv);
}

Finished run_client(const Words& arguments, const std::string& input,
                    const std::map<std::string, std::string>& environment) {
    Launch launch;
    launch.argv = {client_program()};
    launch.argv.insert(launch.argv.end(), arguments.begin(), arguments.end());
    launch.environment = environment;
    return run(std::move(launch), input);
}

bool comes_up(std::uint16_t port) {
    return eventually([port] { return reachable("127.0.0.1", port); });
}

std::string home_of(const TempDirectory& directory, uid_t owner) {
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0711});
    const std::string home = directory / "home";
    std::filesystem::create_directory(home);
    if (::geteuid() == 0) (void)!::chown(home.c_str(), owner, owner);
    return home;
}

} // namespace buzon::test
