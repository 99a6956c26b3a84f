// system/give_up_test.cpp - a server started by root: which user serves, and what it can do nevertheless.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

bool started_by_root() {
    if (::geteuid() == 0) return true;
    WARN("not root: nothing tested");
    return false;
}

// The value of a line of /proc/PID/status.
std::string status_line(pid_t pid, const std::string& name) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
    return {};
}

// A server's files, which only root may read and write.
struct RootsFiles {
    TempDirectory directory;
    std::string root = directory / "mail", state = directory / "state", log = directory / "server.log";
    std::string users = directory.file("users", "ana:{PLAIN}x\n", 0600);
    std::string config = directory.file(
        "config", "path = " + root + "\nusers = " + users + "\nstate = " + state + "\nlog-file = " + log + "\n", 0600);

    RootsFiles() {
        for (const std::string& one : {root, state}) fs::create_directory(one);
        fs::permissions(state, fs::perms{0700});
        (void)Maildir{root + "/ana"}.deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    }
    [[nodiscard]] Server::Setup setup(Words more = {}) const {
        Server::Setup setup;
        setup.arguments = {"--config", config, "-a", "root:s3cr3t"};
        setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
        setup.own_root = true;
        return setup;
    }
};

ManagementClient administrator(const Server& server) {
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    return manager;
}

std::string reply_to(const Server& server, const std::string& user, const std::string& password) {
    Pop3Client client = server.client();
    (void)client.command("USER " + user);
    return client.command("PASS " + password);
}

} // namespace

TEST_CASE("the serving process runs as nobody, with no groups, no capabilities and no way to gain any") {
    if (!started_by_root()) return;
    const RootsFiles files;
    for (const char* const mode : {"auto", "off"}) {
        CAPTURE(mode);
        const Server server{files.setup({"--run-as", "nobody", "--sandbox", mode})};
        const pid_t reactor = server.reactor();
        const std::string uid = status_line(reactor, "Uid"), gid = status_line(reactor, "Gid");
        CHECK(uid == "65534\t65534\t65534\t65534");
        CHECK(gid == "65534\t65534\t65534\t65534");
        CHECK(status_line(reactor, "Groups").find_first_not_of(" \t") == std::string::npos);
        for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
            CHECK(status_line(reactor, set) == "0000000000000000");
        struct stat about {};
        REQUIRE(::stat(("/proc/" + std::to_string(reactor) + "/environ").c_str(), &about) == 0);
        CHECK(about.st_uid == 0); // not dumpable: its files in /proc belong to root
        if (std::string{mode} == "off") continue;
        CHECK(status_line(reactor, "NoNewPrivs") == "1");
        CHECK(status_line(reactor, "Seccomp") == "2");
        const std::string keeper = status_line(server.pid(), "CapEff");
        CHECK(keeper == "00000000000005ff"); // files, users, signals, low ports: what it uses
        CHECK(status_line(server.pid(), "CapBnd") == keeper);
        CHECK(status_line(server.pid(), "NoNewPrivs") == "1");
        CHECK(server.manager().many("INFO *").find("\nsandbox keeper ") != std::string::npos);
    }
    CHECK(run_server({"-d", files.root, "-u", "a:b", "--run-as", "root", "-p", "0", "-P", "0"}).code == 64);
    CHECK(run_server({"-d", files.root, "-u", "a:b", "--run-as", "no-such-user", "--check"}).code == 67);
}

TEST_CASE("users, settings, history and log are still read and written, although only root has access") {
    if (!started_by_root()) return;
    const RootsFiles files;
    {
        const Server server{files.setup()};
        ManagementClient manager = administrator(server);
        CHECK(manager.command("USER ADD bea geheim").starts_with("+OK"));
        CHECK(manager.command("CONF timeout 700").starts_with("+OK"));
        CHECK(manager.command("SAVE").starts_with("+OK saved"));
        CHECK(read_whole(files.users).find("bea:{") != std::string::npos);
        CHECK(read_whole(files.config).find("timeout = 700") != std::string::npos);
        CHECK(reply_to(server, "bea", "geheim").starts_with("+OK"));
        fs::rename(files.log, files.log + ".1");
        ::kill(server.pid(), SIGUSR1);
        CHECK(eventually([&] { return fs::exists(files.log); }));
        CHECK(reply_to(server, "ana", "wrong").starts_with("-ERR"));
        CHECK(eventually([&] { return read_whole(files.log).find("user=ana") != std::string::npos; }));
        CHECK(server.manager().command("METR sandbox-denials") == "+OK 0");
    }
    CHECK(fs::exists(files.state + "/history"));
    for (const std::string& one : {files.users, files.config, files.log}) {
        struct stat about {};
        REQUIRE(::stat(one.c_str(), &about) == 0);
        CHECK(about.st_uid == 0);
        CHECK((about.st_mode & 07) == 0);
    }
}

TEST_CASE("users with a new uid are served after a reload, and after a crash that follows it") {
    if (!started_by_root()) return;
    const RootsFiles files;
    fs::permissions(files.directory.path(), fs::perms{0711});
    fs::permissions(files.root, fs::perms{0711});
    Server server{files.setup({"--run-as", "nobody"})};
    constexpr uid_t eva = 41005;
    const Maildir maildir{files.directory / "eva"};
    (void)maildir.deliver("1700000001.M1P1.h", "Subject: hers\n\ny\n");
    for (const auto& one : fs::recursive_directory_iterator(files.directory / "eva"))
        REQUIRE(::chown(one.path().c_str(), eva, eva) == 0);
    REQUIRE(::chown((files.directory / "eva").c_str(), eva, eva) == 0);
    fs::permissions(files.directory / "eva", fs::perms{0700});
    (void)files.directory.file(
        "users", "ana:{PLAIN}x\neva:{PLAIN}y:41005:41005::::userdb_mail=maildir:" + (files.directory / "eva") + "\n",
        0600);
    ::kill(server.pid(), SIGHUP);
    REQUIRE(eventually([&] { return reply_to(server, "eva", "y").starts_with("+OK"); }));
    const auto first = [&] {
        Pop3Client client = server.client();
        client.login("eva", "y");
        return client.retrieve(1);
    };
    CHECK(first().find("Subject: hers") != std::string::npos);
    const pid_t before = server.reactor();
    server.expect_a_crash();
    ::kill(before, SIGKILL);
    REQUIRE(eventually([&] {
        for (const pid_t child : children_of(server.pid()))
            if (child != before && proc_text(child, "comm") == "buzond\n") return true;
        return false;
    }));
    CHECK(first().find("Subject: hers") != std::string::npos);
    CHECK(status_line(server.reactor(), "Uid").starts_with("65534"));
}

TEST_CASE("DIRR accepts only directories that can be a mail root, not everything that root could reach") {
    if (!started_by_root()) return;
    const RootsFiles files;
    const std::string empty = files.directory / "empty", mixed = files.directory / "mixed";
    const std::string others = files.directory / "others";
    for (const std::string& one : {empty, mixed, others}) fs::create_directory(one);
    (void)Maildir{others + "/ana"}.deliver("1700000001.M1P1.h", "Subject: elsewhere\n\ny\n");
    fs::create_directory(mixed + "/ssh");
    const Server server{files.setup()};
    ManagementClient manager = administrator(server);
    for (const std::string& one : {std::string{"/etc"}, std::string{"/"}, std::string{"/root"}, mixed}) {
        CAPTURE(one);
        CHECK(manager.command("DIRR " + one) ==
              "-ERR " + one + ": has no buzon-locks in it, but something else than Maildirs");
        CHECK_FALSE(fs::exists(one + "/buzon-locks"));
    }
    CHECK(manager.command("DIRR " + empty) == "+OK " + empty);
    CHECK(fs::exists(empty + "/buzon-locks"));
    CHECK(manager.command("DIRR " + others) == "+OK " + others);
    Pop3Client client = server.client();
    client.login("ana", "x");
    CHECK(client.retrieve(1).find("Subject: elsewhere") != std::string::npos);
    CHECK(manager.command("DIRR " + files.root) == "+OK " + files.root);
    fs::create_directory(mixed + "/buzon-locks"); // root has approved it
    CHECK(manager.command("DIRR " + mixed) == "+OK " + mixed);
}

TEST_CASE("--version, --help and --check start no keeper") {
    if (!started_by_root()) return;
    const RootsFiles files;
    for (const Words& words : {Words{"--version"}, Words{"--help"}, Words{"--check", "-d", files.root, "-u", "a:b"}}) {
        const std::string trace = files.directory / "trace";
        Words argv{"strace", "-f", "-qq", "-o", trace, "-e", "trace=prctl", server_program()};
        argv.insert(argv.end(), words.begin(), words.end());
        CHECK(run(argv).code == 0);
        CHECK(read_whole(trace).find("buzon-keeper") == std::string::npos);
    }
}
