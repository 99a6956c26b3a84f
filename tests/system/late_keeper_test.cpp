// system/late_keeper_test.cpp - the process that opens sockets and starts children is stopped: only a manager whose
// request needs it waits for it.
#include <csignal>

#include "support/catch.h"
#include "system/tls_site.h"

using namespace buzon::test;

namespace {

// The keeper, or the starter of an ordinary user's server.
pid_t opener_of(const Server& server) {
    for (const pid_t pid : descendants_of(server.pid()))
        if (proc_text(pid, "comm") == "buzon-starter\n") return pid;
    return server.pid();
}

struct StoppedKeeper {
    explicit StoppedKeeper(const Server& server) : pid{opener_of(server)} { ::kill(pid, SIGSTOP); }
    StoppedKeeper(const StoppedKeeper&) = delete;
    StoppedKeeper& operator=(const StoppedKeeper&) = delete;
    ~StoppedKeeper() { go_on(); }
    void go_on() const { ::kill(pid, SIGCONT); }
    pid_t pid;
};

// Clients that need nothing from the keeper are answered, and nothing has changed.
void others_are_answered(const Server& server, Pop3Client& session) {
    ManagementClient manager = server.manager();
    CHECK(manager.command("NOOP").starts_with("+OK"));
    CHECK(manager.command("METR").starts_with("+OK"));
    CHECK(manager.command("PORT") == "+OK " + std::to_string(server.port()));
    CHECK(session.retrieve(1) == as_received(managed_mail));
    CHECK(server.client().greeting().starts_with("+OK"));
}

// A session that already has its worker.
Pop3Client reader_of(const Server& server) {
    Pop3Client session = server.session();
    CHECK(session.retrieve(1) == as_received(managed_mail));
    return session;
}

bool log_has(const Server& server, const std::string& text) {
    return eventually([&] { return server.log().find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("while the keeper is late with a socket, others are answered; the manager that asked is answered later") {
    for (const char* command : {"PORT 0", "IPV6 127.0.0.2"}) {
        CAPTURE(command);
        const MailServer server;
        Pop3Client session = reader_of(server);
        ManagementClient slow = server.manager();
        const StoppedKeeper keeper{server};
        slow.send(std::string{command} + "\r\nNOOP\r\n");
        slow.wait_until_read();
        others_are_answered(server, session);
        keeper.go_on();
        CHECK(slow.line().starts_with("+OK "));
        CHECK(slow.line().starts_with("+OK "));
        CHECK(session.command("STAT").starts_with("+OK"));
        CHECK_FALSE(reachable("127.0.0.1", server.port()));
    }
}

TEST_CASE("a keeper that does not answer costs only the manager that asked an -ERR, and nothing leaks") {
    const MailServer server;
    Pop3Client session = reader_of(server);
    ManagementClient slow = server.manager(), other = server.manager();
    const pid_t opener = opener_of(server);
    const std::size_t before = descriptors_of(opener);
    const std::size_t ours = descriptors_of(server.reactor());
    {
        const StoppedKeeper keeper{server};
        slow.send("PORT 0\r\n");
        slow.wait_until_read();
        CHECK(other.command("IPV6 127.0.0.2") == "-ERR another manager is changing the port or the address, try again");
        others_are_answered(server, session);
        CHECK(slow.line() == "-ERR 127.0.0.1:0: the process that opens sockets does not answer, try again later");
        others_are_answered(server, session);
    }
    CHECK(slow.command("PORT") == "+OK " + std::to_string(server.port()));
    // What it opened in vain is closed again.
    CHECK(eventually([&] { return descriptors_of(opener) == before; }));
    CHECK(eventually([&] { return descriptors_of(server.reactor()) == ours; }));
    CHECK(slow.command("PORT 0").starts_with("+OK "));
    CHECK_FALSE(reachable("127.0.0.1", server.port()));
}

TEST_CASE("a manager that disconnects while the keeper is late cancels its change, and nothing leaks") {
    const MailServer server;
    const pid_t opener = opener_of(server);
    const std::size_t before = descriptors_of(opener);
    const std::size_t ours = descriptors_of(server.reactor());
    {
        const StoppedKeeper keeper{server};
        ManagementClient slow = server.manager();
        slow.send("PORT 0\r\n");
        slow.wait_until_read();
        slow.reset();
        CHECK(eventually([&] { return descriptors_of(server.reactor()) == ours; }));
    }
    ManagementClient manager = server.manager();
    CHECK(manager.command("PORT") == "+OK " + std::to_string(server.port()));
    CHECK(server.client().greeting().starts_with("+OK"));
    CHECK(eventually([&] { return descriptors_of(opener) == before; }));
}

TEST_CASE("while the keeper is late, TLS clients delay nobody else, and afterwards TLS works and nothing leaks") {
    TlsSite site{2};
    Server& server = *site.server;
    for (const char* user : {"user1", "user2"}) (void)server.maildir(user).deliver("1700000001.M1P1.h", managed_mail);
    Pop3Client session = reader_of(server);
    const std::string reads_mail = "f, t = connect(True); login(f, 2); say(f, 'RETR 1'); say(f, 'QUIT')";
    site.passes(reads_mail); // now the workers for it exist
    const std::size_t ours = descriptors_of(server.reactor());
    {
        const StoppedKeeper keeper{server};
        Wire gone{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(tls_port(server)))};
        Pop3Client waiting = server.client();
        CHECK(waiting.command("STLS").starts_with("+OK"));
        others_are_answered(server, session);
    }
    site.passes(reads_mail);
    CHECK(eventually([&] { return descriptors_of(server.reactor()) == ours; }));
}

TEST_CASE("SIGHUP while the keeper is late delays nobody, and the files are read once it continues") {
    const MailServer server;
    Pop3Client session = reader_of(server);
    {
        const StoppedKeeper keeper{server};
        ::kill(server.reactor(), SIGHUP);
        others_are_answered(server, session);
    }
    CHECK(log_has(server, "what=files"));
}
