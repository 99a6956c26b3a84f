// What a program can reach under --transform-jail.
#include <netinet/in.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "buzon/filter/inspector.h"
#include "buzon/sandbox/landlock.h"
#include "host_process.h"

using namespace buzon;
using namespace buzon::filter;

namespace {

// A small file system in a folder: mail, the server's files, and those of others.
struct Machine {
    explicit Machine(const HostOrders& orders = {}) : host{orders} {
        for (const char* folder : {"srv/mail/ana/cur", "srv/other", "etc/buzon", "etc/else"})
            std::filesystem::create_directories(top.path(folder));
        for (const char* file :
             {"srv/mail/ana/cur/1", "srv/other/file", "etc/buzon/users", "etc/else/file", "etc/plain"})
            std::ofstream{top.path(file)} << "text of " << file << '\n';
        std::filesystem::create_directory_symlink(top.path("srv/mail"), top.path("link"));
        host.jail = {
            JailKind::standard, {top.path("srv/mail"), top.path("etc/buzon/users"), top.path("not/there")}, {}};
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine() {
        for (const auto& entry : std::filesystem::directory_iterator{top.path("")})
            std::filesystem::remove_all(entry.path());
    }
    std::string reads(const std::string& file) { return host.run("/bin/cat", {top.path(file)}).output; }
    std::string says(const std::string& commands) {
        const auto finished = host.run("/bin/sh", {"-c", "cd " + top.path("") + "; " + commands});
        return finished.output + finished.errors;
    }
    bool exists(const std::string& file) const { return std::filesystem::exists(top.path(file)); }

    TemporaryDirectory top;
    HostProcess host;
};

bool landlock() {
    return sandbox::landlock_version() >= 6;
}

} // namespace

TEST_CASE("a program can access everything except the mail and the server's own files") {
    if (!landlock()) return;
    Machine machine;
    CHECK(machine.reads("srv/other/file") == "text of srv/other/file\n");
    CHECK(machine.reads("etc/else/file") == "text of etc/else/file\n");
    CHECK(machine.reads("etc/plain") == "text of etc/plain\n");
    CHECK(machine.reads("srv/mail/ana/cur/1").empty());
    CHECK(machine.reads("link/ana/cur/1").empty());
    CHECK(machine.reads("etc/buzon/users").empty());
    CHECK(machine.says("ls srv/mail; ls srv/mail/ana/cur").find("1\n") == std::string::npos);
    (void)machine.says("echo x > srv/mail/ana/cur/1; echo x > srv/mail/ana/cur/2; rm -f srv/mail/ana/cur/1;"
                       "mv srv/mail/ana srv/other/ana; mv etc/buzon/users etc/buzon/gone; chmod 0 srv/mail/x;"
                       "ln srv/mail/ana/cur/1 srv/other/1; mkdir srv/mail/new; ln -s x srv/mail/link");
    CHECK(contents(machine.top.path("srv/mail/ana/cur/1")) == "text of srv/mail/ana/cur/1\n");
    for (const char* file : {"srv/mail/ana/cur/2", "srv/other/ana", "etc/buzon/gone", "srv/other/1", "srv/mail/new"})
        CHECK_FALSE(machine.exists(file));
    CHECK(machine.says("echo y > srv/other/file; cat srv/other/file; mkdir srv/other/sub && mv srv/other/file "
                       "srv/other/sub && ls srv/other/sub") == "y\nfile\n");
    CHECK(machine.says("cat < /dev/null; echo z > /dev/null; echo fine") == "fine\n");
    // The message itself is already open, and programs can be executed.
    CHECK(machine.host.run("/bin/cat").output == "input\n");
}

TEST_CASE("with the jail off, a program can access whatever its user may") {
    Machine machine;
    machine.host.jail.kind = JailKind::off;
    CHECK(machine.reads("srv/mail/ana/cur/1") == "text of srv/mail/ana/cur/1\n");
    CHECK(machine.reads("etc/buzon/users") == "text of etc/buzon/users\n");
    CHECK(machine.host.run("/usr/bin/env").output.find("TMPDIR=/tmp\n") != std::string::npos);
}

TEST_CASE("the next program can access what is new beside a hidden folder, or has replaced something there") {
    if (!landlock()) return;
    Machine machine;
    CHECK(machine.reads("etc/plain") == "text of etc/plain\n");
    for (int i = 0; i < 50; ++i) {
        const std::string text = std::to_string(i) + "\n";
        std::ofstream{machine.top.path("etc/fresh")} << text;
        std::filesystem::rename(machine.top.path("etc/fresh"), machine.top.path("etc/plain"));
        CHECK(machine.reads("etc/plain") == text);
    }
    std::filesystem::create_directories(machine.top.path("late/deeper"));
    std::ofstream{machine.top.path("late/deeper/file")} << "late\n";
    CHECK(machine.reads("late/deeper/file") == "late\n");
    CHECK(machine.reads("srv/mail/ana/cur/1").empty());
}

TEST_CASE("changed hidden paths apply from the next program on") {
    if (!landlock()) return;
    Machine machine;
    CHECK(machine.reads("srv/mail/ana/cur/1").empty());
    machine.host.jail.hidden = {machine.top.path("srv/other")};
    CHECK(machine.reads("srv/mail/ana/cur/1") == "text of srv/mail/ana/cur/1\n");
    CHECK(machine.reads("srv/other/file").empty());
    machine.host.jail.hidden = {"/"};
    CHECK(machine.host.refusal("/bin/true") == EACCES);
    machine.host.jail.hidden = {};
    CHECK(machine.reads("srv/other/file") == "text of srv/other/file\n");
}

TEST_CASE("a link to a hidden folder gives no access to it") {
    if (!landlock()) return;
    Machine machine;
    std::filesystem::create_directory_symlink(machine.top.path("srv/mail"), machine.top.path("trap"));
    CHECK(machine.reads("trap/ana/cur/1").empty());
    CHECK(machine.reads("srv/mail/ana/cur/1").empty());
}

TEST_CASE("a program can signal itself and its children, and nobody else") {
    if (!landlock()) return;
    Machine machine;
    const pid_t other = ::fork();
    if (other == 0)
        for (;;) ::pause();
    const std::string number = std::to_string(other);
    CHECK(machine.says("kill -0 " + number + " 2>/dev/null && echo reached; kill -9 " + number +
                       " 2>/dev/null; kill -9 $PPID 2>/dev/null; sleep 1000 & kill $! && echo own") == "own\n");
    CHECK(process_exists(other));
    CHECK(process_exists(machine.host.pid));
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
}

TEST_CASE("if the mail is below /tmp, programs have a folder for temporary files, emptied after each of them") {
    if (!landlock()) return;
    Machine machine; // below /tmp
    const std::string first = machine.says("echo $TMPDIR; echo x > $TMPDIR/file; mkdir -p $TMPDIR/a/b; ls $TMPDIR");
    REQUIRE(first.starts_with("/tmp/buzon-"));
    CHECK(first.ends_with("\na\nfile\n"));
    const std::string folder = first.substr(0, first.find('\n'));
    CHECK(std::filesystem::is_empty(folder));
    // A later program can use it whatever an earlier one did to it.
    CHECK(machine.says("rmdir $TMPDIR 2>/dev/null; echo done") == "done\n");
    CHECK(machine.says("echo x > $TMPDIR/file && echo fine") == "fine\n");
    machine.host.socket.reset();
    ::waitpid(machine.host.pid, nullptr, 0);
    machine.host.pid = -1;
    CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("temporary files are removed however nested or protected, but not what a link points to") {
    if (!landlock()) return;
    Machine machine;
    const std::string folder = machine.says("echo $TMPDIR");
    (void)machine.says("cd $TMPDIR; ln -s " + machine.top.path("srv/other") +
                       " link; mkdir locked; touch locked/x; "
                       "chmod 0 locked; touch -- '-x' '*'; chmod 0 .");
    std::string deep;
    for (int i = 0; i < 2000; ++i) deep += "d/";
    (void)machine.says("cd $TMPDIR; mkdir -p " + deep);
    CHECK(machine.exists("srv/other/file"));
    CHECK(std::filesystem::is_empty(folder.substr(0, folder.size() - 1)));
}

TEST_CASE("in the strict jail, a program reads the system, its own folder and allowed paths, and writes its TMPDIR") {
    if (!landlock()) return;
    Machine machine;
    machine.host.jail.kind = JailKind::strict;
    CHECK(machine.host.run("/bin/cat").output == "input\n");
    CHECK(machine.host.run("/usr/bin/sed", {"s/n/N/"}).output == "iNput\n");
    CHECK(machine.reads("srv/other/file").empty());
    CHECK(machine.reads("etc/plain").empty());
    CHECK(machine.reads("srv/mail/ana/cur/1").empty());
    machine.host.jail.readable = {machine.top.path("srv")};
    CHECK(machine.reads("srv/other/file") == "text of srv/other/file\n");
    CHECK(machine.reads("srv/mail/ana/cur/1").empty()); // still hidden
    (void)machine.says("echo x > srv/other/file; echo x > /tmp/buzon-jail-test");
    CHECK(contents(machine.top.path("srv/other/file")) == "text of srv/other/file\n");
    CHECK_FALSE(std::filesystem::exists("/tmp/buzon-jail-test"));
    const std::string program =
        machine.top.script("program", "cat \"$(dirname \"$0\")/data\"; echo $TMPDIR > $TMPDIR/x; "
                                      "cat $TMPDIR/x; test -r /etc/passwd && echo passwd");
    (void)machine.top.file("data", "data\n");
    const std::string said = machine.host.run(program).output;
    CHECK(said.starts_with("data\n/tmp/buzon-"));
    CHECK(said.ends_with("\npasswd\n"));
}

TEST_CASE("in the strict jail, no kind of socket can be created") {
    Machine machine;
    const std::string python = "import socket\n"
                               "for kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM),"
                               " (socket.AF_INET6, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_STREAM)):\n"
                               "    try:\n"
                               "        socket.socket(*kind); print('made')\n"
                               "    except PermissionError: print('refused')\n"
                               "a, b = socket.socketpair(); print('pair')\n";
    if (::access("/usr/bin/python3", X_OK) != 0) return;
    CHECK(machine.host.run("/usr/bin/python3", {"-c", python}).output == "made\nmade\nmade\nmade\npair\n");
    machine.host.jail.kind = JailKind::strict;
    CHECK(machine.host.run("/usr/bin/python3", {"-c", python}).output == "refused\nrefused\nrefused\nrefused\npair\n");
}

TEST_CASE("a jailed program that runs as another user has its own temporary folder, too") {
    if (::geteuid() != 0 || !landlock()) return;
    const posix::Result<RunAs> nobody = resolve_user("nobody");
    Machine machine{{.as = nobody.value()}};
    CHECK(machine.host.run("/bin/sh", {"-c", "echo x > $TMPDIR/file && cat $TMPDIR/file"}).output == "x\n");
    CHECK(machine.host.run("/bin/sh", {"-c", "ls $TMPDIR"}).output == "");
}
