#include "buzon/host/host.h"

#include <sys/resource.h>

#include <fstream>

#include "buzon/filter/inspector.h"
#include "host_process.h"

using namespace buzon;
using namespace buzon::filter;

namespace {

pid_t pid_in(const std::string& file) {
    wait_until([&] { return contents(file).find('\n') != std::string::npos; });
    return static_cast<pid_t>(std::atoi(contents(file).c_str()));
}

void gone(pid_t pid) {
    wait_until([&] { return !process_exists(pid); });
    CHECK_FALSE(process_exists(pid));
}

// Three processes that stay behind: in the program's group; in a group of its own, as timeout(1) makes one; in a
// session of its own and without the program's pipes, like a daemon.
struct Leftovers {
    const TemporaryDirectory directory;
    const std::string in_group = directory.expect("in-group");
    const std::string in_other_group = directory.expect("in-other-group");
    const std::string daemon = directory.expect("daemon");
    const std::string commands = "sleep 1000 & echo $! > " + in_group + "; timeout 1000 sleep 1001 & echo $! > " +
                                 in_other_group + "; setsid sh -c 'echo $$ > " + daemon +
                                 "; exec sleep 1000' >/dev/null 2>&1 & while ! test -s " + daemon +
                                 "; do sleep 0.01; done; ";
    void there() const {
        for (const std::string& file : {in_group, in_other_group, daemon}) CHECK(process_exists(pid_in(file)));
    }
    void all_gone() const {
        for (const std::string& file : {in_group, in_other_group, daemon}) gone(pid_in(file));
    }
};

} // namespace

TEST_CASE("everything a program has started ends with it, whatever its group or session") {
    const Leftovers left;
    HostProcess host;
    host.start_shell(left.commands + "exit 3");
    const HostReply end = host.reply();
    CHECK(end.what == Told::ended);
    CHECK(end.killed == 0);
    CHECK(end.value == 3);
    CHECK(end.free == 0);
    CHECK(host.reply().what == Told::free);
    left.all_gone();
    CHECK(host.output_of("echo next") == "next\n"); // the host continues to serve
}

TEST_CASE("everything a program has started ends with the reactor") {
    const Leftovers left;
    HostProcess host;
    const pid_t program = host.start_shell(left.commands + "wait");
    left.there();
    host.socket.reset();
    gone(program);
    left.all_gone();
    gone(host.pid);
}

TEST_CASE("everything a program has started ends when the reactor asks for it") {
    const Leftovers left;
    HostProcess host;
    host.start_shell("trap '' TERM; " + left.commands + "wait; sleep 1000");
    left.there();
    host.ask(HostRequest::kill);
    const HostReply end = host.reply();
    CHECK(end.what == Told::ended);
    CHECK(end.killed == 1);
    CHECK(end.value == SIGKILL);
    if (end.free == 0) CHECK(host.reply().what == Told::free);
    left.all_gone();
    CHECK(host.output_of("echo next") == "next\n");
}

TEST_CASE("a host for one program starts only that, with its own arguments and environment, whatever the request") {
    HostProcess host{{.only = {"/bin/sh", "-c", "echo \"$0 $1\"; cat; env", "the", "only"}}};
    host.jail.kind = JailKind::strict;
    for (const std::string path : {"/bin/echo", "/nonexistent"}) {
        const auto done = host.run(path, {"something else"});
        CHECK(done.end.value == 0);
        CHECK(done.output.starts_with("the only\ninput\n"));
        CHECK(done.output.find("LANG=C.UTF-8\n") != std::string::npos);
        CHECK(done.output.find("BUZON_") == std::string::npos);
    }
}

TEST_CASE("a program that keeps forking away does not escape") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("runs");
    // Each process leaves its parent at once, for a session of its own.
    const std::string hopper = directory.script("hopper", "echo $$ > " + file + "; setsid \"$0\" & exit 0");
    HostProcess host;
    host.start(hopper, {});
    wait_until([&] { return !contents(file).empty(); });
    host.ask(HostRequest::kill);
    HostReply end = host.reply();
    if (end.free == 0) end = host.reply();
    CHECK(end.free == 1);
    CHECK(host.output_of("echo next") == "next\n");
    const std::string last = contents(file);
    CHECK(host.output_of("sleep 0.2") == "");
    CHECK(contents(file) == last);
}

TEST_CASE("a program dies if its host is killed") {
    HostProcess host;
    const pid_t program = host.start("/bin/sleep", {"1000"});
    CHECK(process_exists(program));
    host.kill();
    gone(program);
}

TEST_CASE("signals reach the program's whole group, and requests without a program have no effect") {
    HostProcess host;
    for (const HostRequest kind : {HostRequest::signal, HostRequest::kill, HostRequest::look}) host.ask(kind, SIGTERM);
    host.start_shell("trap 'echo told; exit 5' TERM; sleep 1000 & echo ready; wait");
    std::string text(6, '\0');
    CHECK(::read(host.output.read_end.get(), text.data(), text.size()) == 6);
    host.ask(HostRequest::look);
    CHECK(host.reply().what == Told::input);
    host.ask(HostRequest::signal, SIGTERM);
    const HostReply end = host.reply();
    CHECK(end.value == 5);
    CHECK(HostProcess::to_end(host.output.read_end.get()) == "told\n");
}

TEST_CASE("a host refuses a malformed message or exits") {
    struct Row {
        std::string octets;
        bool leaves;
    };
    const std::vector<std::string> none;
    const ResourceLimits limits;
    const std::string start = encode({"/bin/true", none, none, {}, limits});
    std::string no_words = start;
    no_words[4] = 0;
    std::string many_words = start;
    many_words[7] = 0x7f;
    std::string many_descriptors = start;
    many_descriptors[20] = 5;
    std::string relative = start;
    relative[relative.size() - 10] = 'x'; // the slash of the path
    std::string jail = start;
    jail[24] = 9;
    for (const Row& row :
         {Row{"x", true}, Row{start.substr(0, 20), false}, Row{start.substr(0, start.size() - 1), false},
          Row{start + "x", false}, Row{no_words, false}, Row{many_words, false}, Row{many_descriptors, false},
          Row{relative, false}, Row{jail, false}, Row{std::string(max_host_message + 1, 'x'), true}}) {
        HostProcess host;
        REQUIRE(send_to(host.socket.get(), row.octets, {}).what == posix::Moved::some);
        if (row.leaves) {
            CHECK(host.has_gone());
            continue;
        }
        const HostReply reply = host.reply();
        CHECK(reply.what == Told::refused);
        CHECK(reply.value == EINVAL);
        CHECK(host.output_of("echo still here") == "still here\n");
    }
}

TEST_CASE("a start request without the descriptors that it announces is refused") {
    HostProcess host;
    const std::vector<std::string> none;
    const ResourceLimits limits;
    REQUIRE(send_to(host.socket.get(), encode({"/bin/true", none, none, {0, 1, 2}, limits}), {}).what ==
            posix::Moved::some);
    const HostReply reply = host.reply();
    CHECK(reply.what == Told::refused);
    CHECK(reply.step == Step::descriptors);
}

TEST_CASE("a start request with too many arguments is not sent") {
    const std::vector<std::string> none;
    const std::vector<std::string> many(100, std::string(1000, 'x'));
    CHECK(encode({"/bin/true", many, none, {}, ResourceLimits{}}).empty());
}

TEST_CASE("a program gets its arguments unchanged, and standard input, output and error") {
    HostProcess host;
    const HostProcess::Finished finished =
        host.run("/bin/sh", {"-c", "cat; printf '[%s]' \"$@\"; echo oops >&2; exit 3", "$0", "a b", "", "$x", "'\"\n"});
    CHECK(finished.output == "input\n[a b][][$x]['\"\n]");
    CHECK(finished.errors == "oops\n");
    CHECK(finished.end.value == 3);
    using namespace std::string_literals;
    CHECK(host.run("/bin/cat", {"/proc/self/cmdline"}).output == "/bin/cat\0/proc/self/cmdline\0"s);
}

TEST_CASE("a program's environment has six variables and no others") {
    ::setenv("BUZON_SECRET", "x", 1);
    HostProcess host;
    CHECK(host.run("/usr/bin/env").output ==
          "BUZON_USER=ana\nBUZON_UIDL=1700.M1P2.host\nBUZON_CLIENT_IP=2001:db8::1\n"
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\nTMPDIR=/tmp\n");
    ::unsetenv("BUZON_SECRET");
}

TEST_CASE("a program does not inherit the host's signal settings, umask, descriptors or session") {
    // What the host inherits but the program must not: ignored and blocked signals, a wide umask, the host's socket.
    struct sigaction before {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGUSR1, &ignore, &before);
    sigset_t blocked;
    sigset_t mask;
    sigemptyset(&blocked);
    for (const int number : {SIGTERM, SIGCHLD, SIGRTMIN}) sigaddset(&blocked, number);
    ::sigprocmask(SIG_BLOCK, &blocked, &mask);
    const mode_t old_umask = ::umask(0);
    HostProcess host;
    ::umask(old_umask);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::sigaction(SIGUSR1, &before, nullptr);

    CHECK(host.output_of("ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 "); // 3: the directory ls reads
    const std::string status = host.run("/bin/cat", {"/proc/self/status"}).output;
    CHECK(status.find("\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n") !=
          std::string::npos);
    CHECK(status.find("\nNoNewPrivs:\t1\n") != std::string::npos);
    CHECK(host.output_of("pwd; umask") == "/\n0077\n");
    CHECK(host.output_of("set -- $(cat /proc/$$/stat); test $5 = $$ && echo leader") == "leader\n");
}

TEST_CASE("a host ignores signals meant for the server, and has its own name in ps") {
    HostProcess host;
    CHECK(host.output_of("echo ready") == "ready\n");
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::kill(host.pid, number);
    CHECK(host.output_of("echo here") == "here\n");
    CHECK(contents("/proc/" + std::to_string(host.pid) + "/comm") == "buzon-filters\n");
}

TEST_CASE("limits are set, but never above those of the host") {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit lower = before;
    lower.rlim_cur = std::min<rlim_t>(before.rlim_cur, 900);
    ::setrlimit(RLIMIT_NOFILE, &lower);
    HostProcess host;
    ::setrlimit(RLIMIT_NOFILE, &before);
    host.limits = {7, 1 << 30, 1 << 20, 100, 64};
    CHECK(host.output_of("ulimit -t; ulimit -Ht; ulimit -v; ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc") ==
          "7\n12\n1048576\n64\n64\n0\n0\n");
    CHECK(host.output_of("grep -E 'Max (file size|processes)' /proc/self/limits | tr -s ' '") ==
          "Max file size 1048576 1048576 bytes \nMax processes 100 100 processes \n");
    host.limits = {0, 0, 0, 0, 0};
    CHECK(host.output_of("ulimit -n") == std::to_string(lower.rlim_cur) + "\n");
    host.limits.open_files = 1'000'000'000;
    CHECK(host.output_of("ulimit -n") == std::to_string(lower.rlim_cur) + "\n");
}

TEST_CASE("a program that cannot be loaded is refused with the reason, and leaves nothing behind") {
    const TemporaryDirectory directory;
    HostProcess host;
    const std::string where = "/proc/" + std::to_string(host.pid) + "/task/" + std::to_string(host.pid) + "/children";
    CHECK(host.refusal(directory.path("none")) == ENOENT);
    CHECK(host.refusal(directory.file("plain", "x")) == EACCES);
    CHECK(host.refusal("/tmp") == EACCES);
    CHECK(host.refusal(directory.file("no-interpreter", "echo x\n", 0755)) == ENOEXEC);
    CHECK(host.refusal(directory.file("lost-interpreter", "#!/no/such/shell\n", 0755)) == ENOENT);
    CHECK(host.refusal("/bin/cat/x") == ENOTDIR);
    CHECK(contents(where).empty());
    CHECK(host.output_of("ls /proc/$PPID/fd 2>/dev/null | wc -l") != "0\n");
}

TEST_CASE("a program runs as the user of its host, with only that user's groups") {
    if (::geteuid() != 0) return;
    const posix::Result<RunAs> nobody = resolve_user("nobody");
    REQUIRE(nobody);
    HostProcess host{{.as = nobody.value()}};
    const std::string ids = std::to_string(nobody.value().uid) + " " + std::to_string(nobody.value().uid) + " " +
                            std::to_string(nobody.value().gid) + " " + std::to_string(nobody.value().gid);
    CHECK(host.output_of("echo $(id -u) $(id -ru) $(id -g) $(id -rg)") == ids + "\n");
    CHECK(host.output_of("id -G") == std::to_string(nobody.value().gid) + "\n");
    const TemporaryDirectory directory;
    CHECK(host.refusal(directory.file("root-only", "#!/bin/sh\n", 0700)) == EACCES);
}

TEST_CASE("one host starts any number of programs and keeps none of their descriptors") {
    HostProcess host;
    const auto descriptors = [&] {
        std::size_t count = 0;
        DIR* const directory = ::opendir(("/proc/" + std::to_string(host.pid) + "/fd").c_str());
        if (!directory) return count;
        while (::readdir(directory)) ++count;
        ::closedir(directory);
        return count;
    };
    // The last descriptors are closed after the reply, before the next request.
    const auto run_one = [&] {
        CHECK(host.run("/bin/true").end.value == 0);
        CHECK(host.refusal("/no/such/program") == ENOENT);
    };
    run_one();
    const std::size_t before = descriptors();
    for (int i = 0; i < 100; ++i) run_one();
    CHECK(descriptors() == before);
}
