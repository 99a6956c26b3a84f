// What restrictions are in force in the processes of a running server.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

// The value of a line in /proc/PID/status.
std::string status_of(pid_t pid, const std::string& name) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
    return {};
}

std::string sandbox_line(const Server& server) {
    std::istringstream lines{server.manager().many("INFO *")};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("sandbox ")) return line.substr(8, line.find('\r') - 8);
    return {};
}

// Logs in first: every worker that has begun to work is confined, here one for the maildrop and one for the hash.
std::vector<pid_t> busy_workers(const Server& server) {
    Pop3Client client = server.session();
    CHECK(client.command("STAT").starts_with("+OK"));
    return workers_of(server.pid());
}

} // namespace

TEST_CASE("the workers of a running server have no-new-privs, a seccomp filter and few capabilities") {
    const Server server{1};
    const std::string words = sandbox_line(server);
    CHECK(words.find("no-new-privs") != std::string::npos);
    const auto workers = busy_workers(server);
    CHECK(workers.size() >= 2);
    for (const pid_t pid : workers) {
        INFO(status_of(pid, "Name"));
        CHECK(status_of(pid, "NoNewPrivs") == "1");
        if (words.find("seccomp") != std::string::npos) CHECK(status_of(pid, "Seccomp") == "2");
        if (status_of(pid, "Name") == "buzon-hash") {
            CHECK(status_of(pid, "CapEff") == "0000000000000000");
            CHECK(status_of(pid, "CapBnd") == "0000000000000000");
        }
        const std::string effective = status_of(pid, "CapEff");
        CHECK(std::stoull(effective, nullptr, 16) <= 0x1f); // chown and file modes at most
    }
    CHECK(server.manager().command("METR sandbox-denials") == "+OK 0");
}

TEST_CASE("with --sandbox off, workers have no filter of their own, and the log and INFO say so") {
    const Server server{1, {"--sandbox", "off"}};
    CHECK(sandbox_line(server) == (::geteuid() == 0 ? "keeper" : "-"));
    CHECK(server.logs("--sandbox off"));
    for (const pid_t pid : busy_workers(server))
        CHECK(status_of(pid, "Seccomp_filters") == std::to_string(filters_around_server()));
}

TEST_CASE("without Landlock, --sandbox require refuses to start and auto says what is missing") {
    const Words no_landlock = {"strace",
                               "-D", // as a grandchild: the server stays the process that is started
                               "-f",     "-qq",
                               "-o",     "/dev/null",
                               "-e",     "trace=landlock_create_ruleset",
                               "-e",     "inject=landlock_create_ruleset:error=ENOSYS"};
    const TempDirectory directory;
    std::filesystem::create_directory(directory / "mail");
    Words words = no_landlock;
    words.insert(words.end(),
                 {server_program(), "-d", directory / "mail", "-u", "ana:x", "--sandbox", "require", "--check"});
    const Finished required = run(words);
    INFO(required.err);
    CHECK(required.code == 71);
    CHECK(required.err.find("--sandbox: this kernel has no Landlock") != std::string::npos);

    Server::Setup setup;
    setup.before = no_landlock;
    setup.arguments = {"-u", "user1:pass1"};
    setup.environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}; // which does not work beside strace
    const Server server{setup};
    CHECK(server.logs("not all of --sandbox is in force: this kernel has no Landlock"));
    server.session().quit();
    CHECK(run_server({"--sandbox", "maybe"}).code == 64);
}
