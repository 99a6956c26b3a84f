// system/delay_test.cpp - LOGIN-DELAY across restarts of the server (--state).
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

struct DelayedServers {
    TempDirectory state, mail_root;
    [[nodiscard]] std::string file() const { return state / "login-delays"; }
    [[nodiscard]] Server::Setup setup(const std::string& delay = "3600") const {
        Server::Setup setup;
        setup.arguments = {"--state",
                           state.path().string(),
                           "--login-delay",
                           delay,
                           "-d",
                           mail_root.path().string(),
                           "-u",
                           "user1:pass1",
                           "-u",
                           "user2:pass2"};
        setup.own_root = true;
        return setup;
    }
};

bool is_delayed(const Server& server, int user) {
    Pop3Client client = server.client();
    (void)client.command("USER user" + std::to_string(user));
    const std::string reply = client.command("PASS pass" + std::to_string(user));
    if (reply.starts_with("+OK"))
        client.quit();
    else
        CHECK(reply.starts_with("-ERR [LOGIN-DELAY] "));
    return !reply.starts_with("+OK");
}

} // namespace

TEST_CASE("a login delay survives a restart of the server") {
    const DelayedServers servers;
    {
        Server server{servers.setup()};
        CHECK_FALSE(is_delayed(server, 1));
        CHECK(server.stop() == 0);
        server.expect_no_clean_end();
    }
    struct stat about {};
    REQUIRE(::stat(servers.file().c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0600);
    for (int i = 0; i < 2; ++i) { // also after a restart without any login in between
        const Server server{servers.setup()};
        CHECK(is_delayed(server, 1));
    }
    const Server server{servers.setup()};
    CHECK_FALSE(is_delayed(server, 2));
    CHECK(is_delayed(server, 1));
    // With --login-delay 0 there is none.
    CHECK_FALSE(is_delayed(Server{servers.setup("0")}, 1));
}

TEST_CASE("a login delay that has been written to disk survives a kill -9 of the server") {
    const DelayedServers servers;
    {
        Server server{servers.setup()};
        CHECK_FALSE(is_delayed(server, 1));
        CHECK(eventually([&] {
            return std::filesystem::exists(servers.file()) &&
                   read_whole(servers.file()).find(" user1\n") != std::string::npos;
        }));
        server.expect_no_clean_end();
        server.process().signal(SIGKILL);
        REQUIRE(server.process().wait());
    }
    const Server server{servers.setup()};
    CHECK(is_delayed(server, 1));
    CHECK_FALSE(is_delayed(server, 2));
}

TEST_CASE("a damaged list of login delays does not keep the server from starting") {
    const DelayedServers servers;
    for (const bool pipe : {false, true}) {
        std::filesystem::remove(servers.file());
        if (pipe)
            REQUIRE(::mkfifo(servers.file().c_str(), 0600) == 0);
        else
            (void)servers.state.file("login-delays", "buzon login delays 1\n17000");
        const Server server{servers.setup()};
        CHECK(server.logs("; starting without login delays"));
        CHECK_FALSE(is_delayed(server, 1));
        CHECK(is_delayed(server, 1));
    }
}
