// system/places_test.cpp - which connection makes room when max-connections is reached.
#include <csignal>

#include "support/catch.h"
#include "system/server.h"
#include "system/tls_site.h"

using namespace buzon::test;

namespace {

constexpr const char* proxy_peer = "127.0.0.7";

LineClient greeted(const Server& server, const std::string& from) {
    LineClient client{"127.0.0.1", server.port(), {.from = from}};
    CHECK(client.line().starts_with("+OK POP3 server ready"));
    return client;
}

std::string enter(LineClient& client, int user) {
    (void)client.command("USER user" + std::to_string(user));
    return client.command("PASS pass" + std::to_string(user));
}

// Whether the client was displaced: told so, and disconnected.
bool displaced(LineClient& client) {
    return client.rest(true) == "-ERR [SYS/TEMP] too many connections, try again later\r\n";
}

} // namespace

TEST_CASE("at max-connections, the source with the most connections loses its oldest waiting one to a newcomer") {
    Server server{4, {"--max-connections", "6"}};
    LineClient in = greeted(server, "127.0.0.2");
    CHECK(enter(in, 1).starts_with("+OK"));
    LineClient other = greeted(server, "127.0.0.3");
    std::vector<LineClient> hoard;
    for (int i = 0; i < 4; ++i) hoard.push_back(greeted(server, "127.0.0.2"));
    (void)hoard[0].command("USER user2");
    LineClient owner = greeted(server, "127.0.0.4");
    CHECK(displaced(hoard[0]));
    CHECK(enter(owner, 3).starts_with("+OK"));
    // New connections of the hoarder displace its own.
    for (int i = 1; i < 4; ++i) {
        hoard.push_back(greeted(server, "127.0.0.2"));
        CHECK(displaced(hoard[static_cast<std::size_t>(i)]));
    }
    CHECK(other.command("CAPA").starts_with("+OK"));
    CHECK(server.logs("refused level=notice session=3 user=user2 ip=127.0.0.2 reason=displaced"));
    CHECK(server.manager().ask("METR refusals-displaced") == "4");
    CHECK(in.command("NOOP").starts_with("+OK"));
    CHECK(owner.command("NOOP").starts_with("+OK"));
}

TEST_CASE("at max-connections, sessions that have logged in are not displaced: the newcomer is refused") {
    Server server{3, {"--max-connections", "2"}};
    LineClient one = greeted(server, "127.0.0.2");
    LineClient two = greeted(server, "127.0.0.2");
    CHECK(enter(one, 1).starts_with("+OK"));
    CHECK(enter(two, 2).starts_with("+OK"));
    LineClient three{"127.0.0.1", server.port(), {.from = "127.0.0.3"}};
    CHECK(three.rest(true).starts_with("-ERR [SYS/TEMP] too many connections"));
    CHECK(one.command("NOOP").starts_with("+OK"));
    CHECK(two.command("NOOP").starts_with("+OK"));
    CHECK(server.manager().ask("METR refusals-max-connections") == "1");
    // The place of a session that has ended is free.
    (void)one.command("QUIT");
    CHECK(one.ended());
    (void)greeted(server, "127.0.0.3");
}

TEST_CASE("behind a front, each client is a source, and connections without a PROXY header can be displaced") {
    Server server{2, {"--max-connections", "4", "--proxy-from", proxy_peer}};
    const auto named_client = [&](const std::string& client) {
        LineClient wire{"127.0.0.1", server.port(), {.from = proxy_peer}};
        wire.send("PROXY TCP4 " + client + " 203.0.113.1 5000 110\r\n");
        CHECK(wire.line().starts_with("+OK"));
        return wire;
    };
    LineClient other = named_client("203.0.113.1");
    std::vector<LineClient> hoard;
    for (int i = 0; i < 3; ++i) hoard.push_back(named_client("203.0.113.66"));
    LineClient owner = named_client("203.0.113.2");
    CHECK(displaced(hoard[0]));
    CHECK(enter(owner, 1).starts_with("+OK"));
    // The front's own silent connections count as one source, too.
    std::vector<LineClient> silent;
    for (int i = 0; i < 3; ++i) silent.emplace_back("127.0.0.1", server.port(), Wire::Options{.from = proxy_peer});
    CHECK(displaced(hoard[1]));
    LineClient late = named_client("203.0.113.3");
    CHECK(displaced(silent[0]));
    CHECK(owner.command("NOOP").starts_with("+OK"));
}

TEST_CASE("a TLS handshake can be displaced like any connection, even in the loop turn in which STLS arrives") {
    TlsSite site{1, {"--max-connections", "2"}};
    const Server& server = *site.server;
    std::vector<LineClient> hoard;
    for (int i = 0; i < 2; ++i) hoard.push_back(greeted(server, "127.0.0.2"));
    CHECK(hoard[0].command("STLS").starts_with("+OK"));
    CHECK(hoard[1].command("CAPA").starts_with("+OK"));
    CHECK(server.manager().ask("METR refusals-displaced") == "0"); // it had a place before
    LineClient newcomer = greeted(server, "127.0.0.3");
    CHECK(hoard[0].ended());
    CHECK(newcomer.command("QUIT").starts_with("+OK"));
    CHECK(newcomer.ended());
    hoard.push_back(greeted(server, "127.0.0.2"));
    // Both are seen in one turn of the loop: STLS first, then the newcomer.
    const pid_t reactor = server.reactor();
    CHECK(::kill(reactor, SIGSTOP) == 0);
    hoard[1].send("STLS\r\n");
    LineClient owner{"127.0.0.1", server.port(), {.from = "127.0.0.4"}};
    CHECK(::kill(reactor, SIGCONT) == 0);
    CHECK(owner.line().starts_with("+OK"));
    CHECK(enter(owner, 1).starts_with("+OK"));
    CHECK(site.logs("ip=127.0.0.2 reason=displaced"));
    CHECK(server.manager().ask("METR refusals-displaced") == "2");
    CHECK(server.manager().ask("METR refusals-max-connections") == "0");
}

TEST_CASE("a client that has the last place keeps it through STLS") {
    const TlsSite site{1, {"--max-connections", "1"}};
    site.passes(R"(
f, t = connect(True); login(f); assert say(f, "NOOP").startswith("+OK")
say(f, "QUIT")
)");
    CHECK(site.server->manager().ask("METR refusals-displaced") == "0");
}

TEST_CASE("after max-connections is lowered, the next newcomer displaces all connections beyond the limit") {
    Server server{1, {"--max-connections", "20", "-a", "root:s3cr3t"}};
    std::vector<LineClient> hoard;
    for (int i = 0; i < 20; ++i) hoard.push_back(greeted(server, "127.0.0.2"));
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    CHECK(manager.command("CONF max-connections 5").starts_with("+OK"));
    (void)greeted(server, "127.0.0.3");
    for (int i = 0; i < 16; ++i) CHECK(displaced(hoard[static_cast<std::size_t>(i)]));
    CHECK(hoard[16].command("CAPA").starts_with("+OK"));
}
