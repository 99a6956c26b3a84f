#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "buzon/posix/unique_fd.h"
#include "support/catch.h"
#include "support/sanitized.h"
#include "system/server.h"

using namespace buzon;
using namespace buzon::test;

namespace {

// All memory that a process can write to: its heap, stacks and variables.
std::string memory_of(pid_t pid) {
    const posix::UniqueFd memory{::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(memory);
    std::string all;
    std::istringstream maps{proc_text(pid, "maps")};
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0, end = 0;
        char rights[5] = {};
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3) continue;
        if (std::string_view{rights} != "rw-p" || end - begin > 256u << 20) continue;
        std::string piece(end - begin, '\0');
        const ssize_t got = ::pread(memory.get(), piece.data(), piece.size(), static_cast<off_t>(begin));
        if (got > 0) all.append(piece, 0, static_cast<std::size_t>(got));
    }
    return all;
}

std::string base64(const std::string& octets) {
    return run({"/usr/bin/base64", "-w0"}, octets).out;
}

bool holds(const std::string& memory, const std::string& text) {
    return memory.find(text) != memory.npos;
}

} // namespace

// A sanitizer keeps freed memory as it was, and its stacks elsewhere.
TEST_CASE("secrets from clients, managers and the configuration are not in our memory once they are checked") {
    if (sanitized) return;
    TempDirectory directory;
    // A password that fits into a short std::string and one that does not, for users with a hashed and a plain
    // password.
    const std::string brief = "Kf7-short.q", wordy = "Zu!9-a-password-that-is-much-longer-than-others";
    const std::string clear = "plain-as-it-is-in-the-file-0815";
    const std::string given = "given-on-the-command-line-4711", configured = "told-by-the-config-file-0817";
    Server server{0,
                  {"--users", directory.file("users", "clear-user:{PLAIN}" + clear + "\n"), "-u", "given-user:" + given,
                   "--config", directory.file("config", "admin = root:" + configured + "\n")}};
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root " + configured);
    (void)manager.ask("USER ADD brief-user " + brief);
    (void)manager.ask("USER ADD wordy-user " + wordy);
    (void)manager.ask("USER PASS wordy-user " + wordy);
    const auto plain = [](const std::string& user, const std::string& password) {
        return base64(std::string{'\0'} + user + '\0' + password);
    };
    const std::vector<std::pair<std::string, std::string>> users = {
        {"brief-user", brief}, {"wordy-user", wordy}, {"clear-user", clear}, {"given-user", given}};
    for (const auto& [user, password] : users) {
        for (int round = 0; round < 2; ++round) { // the second time it is remembered
            Pop3Client client = server.client();
            client.login(user, password);
            client.quit();
        }
        Pop3Client client = server.client();
        CHECK(client.command("AUTH PLAIN " + plain(user, password)).starts_with("+OK"));
        client.quit();
        Pop3Client in_pieces = server.client();
        CHECK(in_pieces.command("AUTH LOGIN").starts_with("+ "));
        CHECK(in_pieces.command(base64(user)).starts_with("+ "));
        in_pieces.send(base64(password).substr(0, 5));                  // half a line, which must be kept
        for (int turn = 0; turn < 2; ++turn) (void)manager.ask("NOOP"); // by then the server has read the half line
        CHECK(in_pieces.command(base64(password).substr(5)).starts_with("+OK"));
        Pop3Client wrong = server.client();
        CHECK(wrong.command("USER " + user).starts_with("+OK"));
        CHECK(wrong.command("PASS " + password + "x").starts_with("-ERR"));
        CHECK(wrong.command("AUTH PLAIN " + plain(user, password + "y")).starts_with("-ERR"));
    }
    CHECK(holds(memory_of(server.reactor()), "wordy-user")); // so we are looking in the right place
    std::vector<pid_t> all = workers_of(server.pid());
    all.push_back(server.reactor());
    if (server.pid() != server.reactor()) all.push_back(server.pid());
    CHECK(all.size() >= 3);
    for (const pid_t pid : all) {
        const std::string memory = memory_of(pid);
        CAPTURE(proc_text(pid, "comm"));
        CHECK_FALSE(holds(memory, configured));
        for (const auto& [user, password] : users) {
            CAPTURE(user);
            CHECK_FALSE(holds(memory, password));
            CHECK_FALSE(holds(memory, plain(user, password)));
            CHECK_FALSE(holds(memory, base64(password)));
        }
    }
}
