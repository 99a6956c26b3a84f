// system/few_descriptors_test.cpp - a limit on open files so low that it matters: no client is greeted and then
// forgotten.
#include <csignal>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/certificate.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

Words limited_to(std::size_t descriptors) {
    return {"/bin/sh", "-c", "ulimit -n " + std::to_string(descriptors) + " && exec \"$@\"", "sh"};
}

// How many descriptors the server says it needs when its limit is `allowed`.
std::size_t needed_descriptors(std::size_t allowed) {
    const TempDirectory root;
    Launch launch;
    launch.argv = limited_to(allowed);
    launch.argv.insert(launch.argv.end(), {server_program(), "-p", "0", "-P", "0", "-d", root.path().string()});
    const Finished refused = run(std::move(launch));
    CHECK(refused.code == 71);
    CHECK(refused.out.empty());
    const std::string before = "server: open files: the limit is " + std::to_string(allowed) + ", and ";
    INFO(refused.err);
    REQUIRE(refused.err.starts_with(before));
    CHECK(refused.err.find('\n') == refused.err.size() - 1);
    return std::stoul(refused.err.substr(before.size()));
}

} // namespace

TEST_CASE("with too few descriptors the server does not start, and says how many it needs") {
    const std::size_t needed = needed_descriptors(64);
    CHECK(needed > 64);
    CHECK(needed_descriptors(needed - 1) == needed);
}

TEST_CASE("with the fewest descriptors that suffice to start, each client is served or refused with a message") {
    const std::size_t needed = needed_descriptors(64);
    Server::Setup setup;
    setup.before = limited_to(needed);
    setup.arguments = {"-T", "/bin/cat", "--max-transforms", "64"};
    constexpr std::size_t users = 150;
    for (std::size_t i = 0; i < users; ++i)
        setup.arguments.insert(setup.arguments.end(), {"-u", "u" + std::to_string(i) + ":p"});
    Server server{setup};
    const std::string mail = "Subject: x\n\n" + std::string(2000, 'x') + "\n";
    for (std::size_t i = 0; i < users; ++i) (void)server.maildir("u" + std::to_string(i)).deliver("1.M1P1.h", mail);
    // Each client has a maildrop that is not in memory, and stays once it has logged in.
    std::vector<LineClient> clients;
    for (std::size_t i = 0; i < users; ++i) {
        LineClient client{"127.0.0.1", server.port()};
        if (!client.line().starts_with("+OK")) continue;
        client.send("USER u" + std::to_string(i) + "\r\nPASS p\r\n");
        CHECK(client.line().starts_with("+OK"));
        CHECK(client.line().starts_with("+OK"));
        clients.push_back(std::move(client));
    }
    CHECK(clients.size() >= 32);
    CHECK(clients.size() < users);
    CHECK(LineClient{"127.0.0.1", server.port()}.line() == "-ERR [SYS/TEMP] too many connections, try again later");
    // All of them ask for a listing and a filtered message at once.
    for (LineClient& client : clients) client.send("UIDL\r\nRETR 1\r\nQUIT\r\n");
    for (LineClient& client : clients) {
        for (int reply = 0; reply < 2; ++reply) {
            CHECK(client.line().starts_with("+OK"));
            while (client.line() != ".") continue;
        }
        CHECK(client.line().starts_with("+OK"));
    }
    // Then there is room again.
    CHECK(eventually([&] { return LineClient{"127.0.0.1", server.port()}.line().starts_with("+OK"); }));
}

TEST_CASE("when a hundred STLS handshakes take the descriptors of waiting clients, a newcomer is still served") {
    const TempDirectory directory;
    make_certificate(directory / "cert.pem");
    Server::Setup setup;
    setup.before = limited_to(needed_descriptors(64) + 400);
    setup.arguments = {"-u", "user1:pass1", "--tls-cert", directory / "cert.pem", "--tls-port", "0"};
    const Server server{setup};
    REQUIRE(eventually([&] { return server.client().many("CAPA").find("STLS\r\n") != std::string::npos; }));
    std::vector<LineClient> hoard;
    while (server.manager().ask("METR refusals-displaced") == "0") {
        hoard.emplace_back("127.0.0.1", server.port(), Wire::Options{.from = "127.0.0.2"});
        REQUIRE(hoard.back().line().starts_with("+OK"));
        REQUIRE(hoard.size() < 1000);
    }
    // In one turn of the event loop: a hundred handshakes begin, and then another client connects.
    const pid_t reactor = server.reactor();
    REQUIRE(::kill(reactor, SIGSTOP) == 0);
    for (std::size_t i = hoard.size() - 100; i < hoard.size(); ++i) hoard[i].send("STLS\r\n");
    LineClient owner{"127.0.0.1", server.port(), {.from = "127.0.0.3"}};
    REQUIRE(::kill(reactor, SIGCONT) == 0);
    CHECK(owner.line().starts_with("+OK"));
    CHECK(owner.command("USER user1").starts_with("+OK"));
    CHECK(owner.command("PASS pass1").starts_with("+OK"));
    CHECK(server.manager().ask("METR refusals-max-connections") == "0");
}
