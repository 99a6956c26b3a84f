// system/ordinary_user_test.cpp - a server started by an ordinary user does everything as that user. Run as root, the
// tests start it with a uid that this machine does not know.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

constexpr uid_t ordinary_uid = 40999;

// Whether that user can start the program: the source tree may be in a directory that is closed to others.
bool can_start(const std::string& program) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const bool became = ::setgid(ordinary_uid) == 0 && ::setuid(ordinary_uid) == 0;
        ::_exit(became && ::access(program.c_str(), X_OK) == 0 ? 0 : 1);
    }
    int status = -1;
    ::waitpid(pid, &status, 0);
    return status == 0;
}

struct Home {
    TempDirectory directory;
    std::string root = directory / "mail", state = directory / "state";
    std::string users = directory.file("users", "ana:{PLAIN}x\n", 0600);
    std::string config = directory.file("config", "path = " + root + "\nusers = " + users + "\n", 0600);

    Home() {
        for (const std::string& one : {root, state}) fs::create_directory(one);
        (void)Maildir{root + "/ana"}.deliver("1700000001.M1P1.h", "Subject: one\n\n1\n");
        (void)Maildir{root + "/ana"}.deliver("1700000002.M1P1.h", "Subject: two\n\n2\n");
        (void)directory.script("upper", "exec tr a-z A-Z");
        if (::geteuid() != 0) return;
        for (const auto& one : fs::recursive_directory_iterator(directory.path()))
            REQUIRE(::chown(one.path().c_str(), ordinary_uid, ordinary_uid) == 0);
        REQUIRE(::chown(directory.path().c_str(), ordinary_uid, ordinary_uid) == 0);
    }
    [[nodiscard]] Server::Setup setup(const std::string& sandbox) const {
        Server::Setup setup;
        setup.arguments = {"--config", config, "--state", state, "-a", "root:s3cr3t", "--sandbox", sandbox};
        setup.own_root = true;
        if (::geteuid() == 0)
            setup.before = {
                "setpriv",       "--reuid", std::to_string(ordinary_uid), "--regid", std::to_string(ordinary_uid),
                "--clear-groups"};
        return setup;
    }
};

// Prints what the management socket answers to the program itself and to a child that it has started.
constexpr const char* asking_program = R"py(#!/usr/bin/python3
import os, socket, sys
def ask():
    with socket.socket(socket.AF_UNIX) as manager:
        manager.connect(sys.argv[1])
        try:
            manager.sendall(b'CONF timeout 777\r\n')
            print(manager.makefile('r').read(3) or 'nothing', flush=True)
        except OSError:
            print('nothing', flush=True)
ask()
if os.fork() == 0:
    os.setsid()
    ask()
    os._exit(0)
os.wait()
)py";

} // namespace

TEST_CASE("an ordinary user's server serves, deletes, transforms, saves and changes its port without a keeper") {
    if (::geteuid() == 0 && !can_start(server_program())) {
        WARN("no other user can start the program here: nothing tested");
        return;
    }
    for (const char* const sandbox : {"auto", "off"}) {
        CAPTURE(sandbox);
        const Home home;
        Server server{home.setup(sandbox)};
        CHECK(proc_text(server.pid(), "comm") == "buzond\n"); // no keeper
        {
            Pop3Client client = server.client();
            client.login("ana", "x");
            CHECK(client.retrieve(1) == "Subject: one\r\n\r\n1\r\n");
            CHECK(client.command("DELE 1").starts_with("+OK"));
            client.quit();
        }
        CHECK_FALSE(Maildir{home.root + "/ana"}.has("1700000001.M1P1.h"));
        ManagementClient manager = server.manager();
        (void)manager.ask("AUTH root s3cr3t");
        CHECK(manager.command("USER ADD bea geheim").starts_with("+OK"));
        CHECK(manager.command("TRAN " + (home.directory / "upper")).starts_with("+OK"));
        {
            Pop3Client client = server.client();
            client.login("ana", "x");
            CHECK(client.retrieve(1) == "SUBJECT: TWO\r\n\r\n2\r\n");
        }
        CHECK(manager.command("SAVE").starts_with("+OK saved"));
        CHECK(read_whole(home.users).find("bea:{") != std::string::npos);
        CHECK(read_whole(home.config).find("transform = ") != std::string::npos);
        const std::string port = manager.ask("PORT 0");
        Pop3Client client{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(port))};
        client.login("bea", "geheim");
        CHECK(client.command("STAT") == "+OK 0 0");
        const std::string info = manager.many("INFO *");
        if (std::string{sandbox} == "off") {
            CHECK(info.find("\nsandbox -\r") != std::string::npos);
        } else {
            CHECK(info.find("\nsandbox landlock seccomp no-new-privs\r") != std::string::npos);
            CHECK(manager.command("METR sandbox-denials") == "+OK 0");
        }
    }
}

TEST_CASE("a jailed transformation and its children cannot manage the server, though they run as its user") {
    if (::geteuid() == 0 && !can_start(server_program())) {
        WARN("no other user can start the program here: nothing tested");
        return;
    }
    for (const char* const jail : {"default", "off"}) {
        CAPTURE(jail);
        const Home home;
        const std::string socket = home.directory / "state/managers";
        const std::string program = home.directory.file("ask", asking_program, 0755);
        Server::Setup setup = home.setup("auto");
        setup.arguments.insert(setup.arguments.end(), {"--mgmt-ip", "unix:" + socket, "--transform-jail", jail,
                                                       "--transform", program + ' ' + socket});
        const Server server{setup};
        Pop3Client client = server.client();
        client.login("ana", "x");
        CHECK(client.retrieve(1) == (std::string{jail} == "off" ? "+OK\r\n+OK\r\n" : "nothing\r\nnothing\r\n"));
        client.quit();
        ManagementClient manager = server.manager();
        (void)manager.ask("AUTH root s3cr3t");
        if (std::string{jail} == "default") CHECK(manager.command("CONF timeout") == "+OK 600");
    }
}
