// system/client_test.cpp - bin/client as people and scripts use it.
#include <fcntl.h>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

Finished client(const Server& server, Words words, const std::string& input = {}) {
    Words arguments;
    while (!words.empty() && words[0].starts_with("--")) {
        arguments.push_back(words[0]);
        words.erase(words.begin());
    }
    arguments.insert(arguments.end(), {"127.0.0.1", std::to_string(server.management_port())});
    arguments.insert(arguments.end(), words.begin(), words.end());
    return run_client(arguments, input);
}

} // namespace

TEST_CASE("a command given to the client is run once") {
    Server server;
    CHECK(client(server, {"--raw", "METR"}).out == "+OK 0;0;0;0\n");
    const Finished metrics = client(server, {"METR"});
    CHECK(metrics.code == 0);
    CHECK(metrics.out.find("0") != std::string::npos);
    CHECK(metrics.err.empty());
    CHECK(client(server, {"NOOP"}).code == 0);
    // The POP3 service says +OK as well.
    for (const Words& words : {Words{"METR"}, Words{}, Words{"top"}, Words{"plot", "messages"}}) {
        Words arguments{"127.0.0.1", std::to_string(server.port())};
        arguments.insert(arguments.end(), words.begin(), words.end());
        const Finished astray = run_client(arguments, "METR\n");
        CHECK(astray.code == 69);
        CHECK(astray.err.find(": this is not a management service; ") != std::string::npos);
    }
    CHECK(client(server, {"noop"}).code == 0);
    const Finished refused = client(server, {"XYZZ"});
    CHECK(refused.code == 1);
    CHECK(!(refused.out + refused.err).empty());
    CHECK(client(server, {"PORT", "70000"}).code == 1);
    const Finished help = client(server, {"--raw", "HELP"});
    CHECK(help.code == 0);
    CHECK(help.out.starts_with("+OK"));
    CHECK(help.out.find("METR") != std::string::npos);
    CHECK(help.out.ends_with("\n.\n"));
}

TEST_CASE("the client writes JSON that a program can read") {
    Server server;
    for (const Words& command : {Words{"METR"}, Words{"METR", "*"}, Words{"INFO"}, Words{"INFO", "*"}, Words{"TRAN"},
                                 Words{"LOGG"}, Words{"HELP"}, Words{"NOOP"}, Words{"XYZZ"}}) {
        Words words{"--json"};
        words.insert(words.end(), command.begin(), command.end());
        const Finished end = client(server, words);
        CAPTURE(command, end.out);
        CHECK(end.code == (command[0] == "XYZZ" ? 1 : 0));
        CHECK(run({"python3", "-c", "import json,sys; json.loads(sys.stdin.read())"}, end.out).code == 0);
    }
}

TEST_CASE("wrong usage of the client exits with 64") {
    Server server;
    const std::string port = std::to_string(server.management_port());
    for (const Words& words :
         {Words{}, Words{"127.0.0.1", "1x"}, Words{"127.0.0.1", "0"}, Words{"127.0.0.1", "65536"},
          Words{"--no-such-option", "127.0.0.1", port}, Words{"127.0.0.1", port, "HOST", "a\r\nPORT 1"},
          Words{"127.0.0.1", port, "NOOP\n"}, Words{"--auth"}, Words{"--raw", "--json", "127.0.0.1", port, "NOOP"}}) {
        const Finished end = run_client(words);
        CAPTURE(words, end.out, end.err);
        CHECK(end.code == 64);
        CHECK(!end.err.empty());
        CHECK(end.out.empty());
    }
}

TEST_CASE("the client exits with 69 when no server is listening") {
    const std::uint16_t port = free_port();
    const Finished end = run_client({"127.0.0.1", std::to_string(port), "METR"});
    CHECK(end.code == 69);
    CHECK(!end.err.empty());
    CHECK(end.out.empty());
    CHECK(run_client({"unix:/nowhere/at/all", "METR"}).code == 69);
    CHECK(run_client({"127.0.0.1", std::to_string(port)}, "METR\n").code == 69);
}

TEST_CASE("commands from a pipe run until its end or until QUIT") {
    Server server;
    const Finished end = client(server, {"--raw"}, "METR\nTRAN\nNOOP\n");
    CHECK(end.code == 0);
    CHECK(end.out.find("+OK 0;0;0;0\n+OK off\n+OK") != std::string::npos);
    const Finished quit = client(server, {"--raw"}, "METR\nQUIT\nTRAN\n");
    CHECK(quit.code == 0);
    CHECK(quit.out.find("+OK 0;0;0;0\n") != std::string::npos);
    CHECK(quit.out.find("off") == std::string::npos);
    CHECK(client(server, {}, "").code == 0);
    CHECK(client(server, {}, "METR").code == 0); // no line end
}

TEST_CASE("the client changes the port while a session is open") {
    Server server;
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: a\n");
    Pop3Client session = server.session();
    const std::uint16_t next = free_port();
    const TakenPort taken;
    CHECK(client(server, {"PORT", std::to_string(taken.number())}).code == 1);
    CHECK(reachable("127.0.0.1", server.port()));
    CHECK(client(server, {"PORT", std::to_string(next)}).code == 0);
    CHECK(session.retrieve(1) == "Subject: a\r\n");
    CHECK(reachable("127.0.0.1", next));
    CHECK(!reachable("127.0.0.1", server.port()));
    session.quit();
}

TEST_CASE("the client connects to IPv6 addresses, unix sockets and host names") {
    TempDirectory directory;
    Server::Setup setup;
    setup.arguments = {"-l", "127.0.0.1", "-L", "unix:" + (directory / "manage"), "-L", "127.0.0.1"};
    if (have_ipv6())
        setup.arguments.insert(setup.arguments.end(), {"-L", "::1"});
    else
        WARN("this machine has no IPv6");
    setup.own_addresses = true;
    Server server{setup};
    const std::string port = std::to_string(server.management_port());
    CHECK(run_client({"--raw", "unix:" + (directory / "manage"), "METR"}).out == "+OK 0;0;0;0\n");
    CHECK(run_client({"--raw", "localhost", port, "METR"}).out == "+OK 0;0;0;0\n");
    if (have_ipv6()) CHECK(run_client({"--raw", "::1", port, "METR"}).out == "+OK 0;0;0;0\n");
}

TEST_CASE("the client logs in as the administrator of --auth with the password from the environment") {
    Server server{1, {"-a", "root:s3cr3t"}};
    const Words words{"--raw", "--auth", "root", "127.0.0.1", std::to_string(server.management_port()), "TRAN"};
    const Finished good = run_client(words, {}, {{"BUZON_PASSWORD", "s3cr3t"}});
    CHECK(good.code == 0);
    CHECK(good.out.ends_with("+OK off\n"));
    CHECK(run_client(words, {}, {{"BUZON_PASSWORD", "wrong"}}).code == 1);
    CHECK(client(server, {"TRAN"}).code == 1);
}

TEST_CASE("a live view ends when the server goes away") {
    Server server;
    Launch launch;
    launch.argv = {client_program(), "127.0.0.1", std::to_string(server.management_port()), "EVNT"};
    const std::string shown = server.directory().file("shown", "");
    const buzon::posix::UniqueFd out{::open(shown.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
    launch.standard[1] = out.get();
    Process follower{launch};
    // It is connected once it shows an event.
    CHECK(eventually([&] {
        server.session().quit();
        return !read_whole(shown).empty();
    }));
    CHECK(follower.running());
    CHECK(server.stop() == 0);
    CHECK(follower.wait() == 69);
}
