// What each kind of process can still do once it is confined, as tried by bin/server_probe (probe/probe.h).
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/certificate.h"
#include "support/programs.h"
#include "support/sanitized.h"
#include "support/temp_directory.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

void fill(const std::string& path, const std::string& text) {
    std::ofstream{path} << text;
}

using ProbeResults = std::map<std::string, int>; // errno by act; 0: it succeeded

struct ProbeSite {
    TempDirectory directory;
    std::string own = directory / "own";
    std::string other = directory / "other";
    ProbeSite() {
        for (const std::string& maildir : {own, other}) {
            for (const char* folder : {"cur", "new", "tmp"})
                std::filesystem::create_directories(maildir + '/' + folder);
            fill(maildir + "/cur/letter", "Subject: x\n\nx\n");
            fill(maildir + "/tmp/rubbish", "x\n");
        }
    }
};

ProbeResults results_in(const std::string& said) {
    ProbeResults results;
    std::istringstream lines{said};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t blank = line.find(' ');
        const std::string result = blank == line.npos ? "" : line.substr(blank + 1);
        const bool digits = !result.empty() && result.find_first_not_of("0123456789") == result.npos;
        if (result == "yes" || digits) results[line.substr(0, blank)] = digits ? std::stoi(result) : 0;
    }
    return results;
}

// Starts a process as the keeper does: with this argv, and a socket as descriptor 3.
ProbeResults probed(const ProbeSite& site, const Words& argv) {
    int pipe_ends[2];
    int pair[2];
    REQUIRE(::pipe2(pipe_ends, O_CLOEXEC) == 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(pipe_ends[1], STDERR_FILENO);
        ::dup2(pair[1], 9);
        ::dup2(9, 3);
        ::close(9);
        ::setenv("BUZON_PROBE_OWN", site.own.c_str(), 1);
        ::setenv("BUZON_PROBE_OTHER", site.other.c_str(), 1);
        ::execv(probe_program().c_str(), words.data());
        ::_exit(127);
    }
    ::close(pipe_ends[1]);
    std::string said;
    char room[4096];
    for (ssize_t n = 0; (n = ::read(pipe_ends[0], room, sizeof room)) > 0;)
        said.append(room, static_cast<std::size_t>(n));
    for (const int fd : {pipe_ends[0], pair[0], pair[1]}) ::close(fd);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    INFO(said);
    REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return results_in(said);
}

// The acts that succeed nevertheless, and why.
const std::map<std::string, std::vector<std::string>> probe_exceptions = {
    {"buzon-files", {"read-passwd", "chmod-other-mail"}}, // to find the programs' user; to open vaults
    {"buzon-hash", {"chmod-other-mail"}},
    // To connect back with what clients send. dump-core: after execve(2), a process is dumpable whatever it was before.
    {"buzon-tls", {"socket-unix", "connect", "dump-core"}},
};

// The start of a command that drops root for another user, to whom the site is given. Empty if not needed.
Words as_whom(const ProbeSite& site, bool as_root) {
    if (as_root || ::geteuid() != 0) return {};
    std::filesystem::permissions(site.directory.path(), std::filesystem::perms{0755});
    REQUIRE(::lchown(site.directory.path().c_str(), 65534, 65534) == 0);
    for (const auto& one : std::filesystem::recursive_directory_iterator(site.directory.path()))
        REQUIRE(::lchown(one.path().c_str(), 65534, 65534) == 0);
    return {"/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
}

// Starts a whole server in which the process of this role is the compromised one.
ProbeResults probed_in_server(const ProbeSite& site, const std::string& role, bool as_root, const std::string& mode) {
    const std::string certificate = site.directory / "cert.pem";
    make_certificate(certificate);
    Words argv = as_whom(site, as_root);
    const Words more = {"/usr/bin/env",
                        "BUZON_PROBE_ONLY=" + role,
                        "BUZON_PROBE_OWN=" + site.own,
                        "BUZON_PROBE_OTHER=" + site.other,
                        probe_program(),
                        "-d",
                        site.directory.path(),
                        "-u",
                        "own:x",
                        "-p",
                        "0",
                        "-P",
                        "0",
                        "--ip",
                        "127.0.0.1",
                        "--tls-cert",
                        certificate,
                        "--tls-port",
                        "0",
                        "--sandbox",
                        mode};
    argv.insert(argv.end(), more.begin(), more.end());
    const Finished finished = run(argv);
    INFO(finished.err);
    ProbeResults results = results_in(finished.err);
    REQUIRE(results.size() >= 40);
    return results;
}

// The same for the child that becomes the TLS program, as --check and a real start launch it.
ProbeResults probed_as_tls_program(const ProbeSite& site, bool as_root, const std::string& mode) {
    const std::string certificate = site.directory / "cert.pem";
    make_certificate(certificate);
    Words argv = as_whom(site, as_root);
    const Words more = {probe_program(),
                        "--check",
                        "-d",
                        site.directory.path(),
                        "-u",
                        "own:x",
                        "--tls-cert",
                        certificate,
                        "--tls-program",
                        probe_program(),
                        "--tls-options",
                        "probeOwn = " + site.own,
                        "--tls-options",
                        "probeOther = " + site.other,
                        "--sandbox",
                        mode};
    argv.insert(argv.end(), more.begin(), more.end());
    const Finished finished = run(argv);
    INFO(finished.err);
    ProbeResults results;
    std::istringstream words{finished.err.substr(std::min(finished.err.find("acts:"), finished.err.size()))};
    for (std::string word; words >> word;)
        if (const std::size_t equals = word.find('='); equals != word.npos)
            results[word.substr(0, equals)] = word.substr(equals + 1) == "yes" ? 0 : std::stoi(word.substr(equals + 1));
    REQUIRE(results.size() >= 40);
    return results;
}

bool is_excepted(const std::string& role, const std::string& act) {
    // A sanitizer maps what it needs.
    if (sanitized && (act == "map-code" || act == "make-code" || act == "raise-limits")) return true;
    const auto found = probe_exceptions.find(role);
    return found != probe_exceptions.end() && std::count(found->second.begin(), found->second.end(), act) > 0;
}

} // namespace

TEST_CASE("a compromised worker can do none of forty forbidden things, whatever its role") {
    const ProbeSite site;
    const std::map<std::string, Words> plans = {
        {"buzon-worker", {"require", "w:" + site.own}},
        {"buzon-files", {"require", "w:" + site.own, "r:/etc/passwd"}},
        {"buzon-hash", {"require"}},
        {"buzon-locks", {"require", "w:" + site.own}},
    };
    for (const auto& [role, words] : plans) {
        INFO(role);
        Words argv{role};
        argv.insert(argv.end(), words.begin(), words.end());
        const ProbeResults results = probed(site, argv);
        CHECK(results.size() >= 40);
        for (const auto& [act, result] : results) {
            INFO(act);
            if (is_excepted(role, act)) continue;
            CHECK((result == EPERM || result == EACCES || result == EXDEV)); // the last: from Landlock, for links
        }
    }
    CHECK(std::filesystem::exists(site.other + "/tmp/rubbish"));
    CHECK_FALSE(std::filesystem::exists(site.own + "/cur/stolen"));
}

TEST_CASE("without a sandbox, the same worker can do what its user may, so the probe can tell the difference") {
    const ProbeSite site;
    for (const char* role : {"buzon-worker", "buzon-files", "buzon-hash", "buzon-locks"}) {
        INFO(role);
        fill(site.other + "/tmp/rubbish", "x\n");
        for (const char* made : {"/cur/stolen", "/fifo", "/link", "/device"}) std::filesystem::remove(site.own + made);
        const ProbeResults results = probed(site, {role, "off"});
        std::string refused;
        for (const auto& [act, result] : results)
            if (result == EPERM || result == EACCES) refused += act + ' ';
        INFO(refused);
        for (const char* act : {"read-passwd",
                                "read-other-mail",
                                "list-other-mail",
                                "write-other-mail",
                                "make-in-other-mail",
                                "remove-other-mail",
                                "link-other-mail",
                                "write-tmp",
                                "execute",
                                "execute-memory",
                                "fork",
                                "signal-others",
                                "pidfd-of-others",
                                "socket-tcp",
                                "socket-udp",
                                "socket-unix",
                                "connect",
                                "bind",
                                "listen",
                                "setuid",
                                "setgid",
                                "capset",
                                "raise-limits",
                                "map-code",
                                "make-code",
                                "make-fifo",
                                "make-link",
                                "dump-core"}) {
            INFO(act);
            CHECK(results.at(act) == 0);
        }
        if (::geteuid() != 0) continue;
        for (const char* act : {"read-shadow", "read-proc", "read-memory-file", "read-memory", "ptrace", "mount",
                                "chroot", "open-by-handle", "make-device", "new-user-namespace"}) {
            INFO(act);
            CHECK(results.at(act) == 0);
        }
    }
}

TEST_CASE("a compromised reactor can do none of forty forbidden things, whether or not root started it") {
    for (const bool as_root : {true, false}) {
        if (as_root && ::geteuid() != 0) continue;
        CAPTURE(as_root);
        const ProbeSite site;
        for (const auto& [act, result] : probed_in_server(site, "reactor", as_root, "require")) {
            CAPTURE(act);
            if (is_excepted("reactor", act)) continue;
            // Then all mail belongs to one user, and the reactor may read below the mail root.
            if (!as_root && (act == "list-other-mail" || act == "read-other-mail")) continue;
            CHECK((result == EPERM || result == EACCES || result == EXDEV));
        }
        CHECK(std::filesystem::exists(site.other + "/tmp/rubbish"));
        // Without a sandbox these succeed, so the test can tell.
        const ProbeResults loose = probed_in_server(site, "reactor", as_root, "off");
        for (const char* act :
             {"read-passwd", "write-tmp", "fork", "socket-tcp", "socket-unix", "map-code", "make-code"}) {
            CAPTURE(act);
            CHECK(loose.at(act) == 0);
        }
    }
}

TEST_CASE("a compromised keeper cannot use powers of root that it does not need: mount, chroot, make devices") {
    for (const bool as_root : {true, false}) {
        if (as_root && ::geteuid() != 0) continue;
        CAPTURE(as_root);
        const ProbeSite site;
        const ProbeResults kept = probed_in_server(site, "keeper", as_root, "auto");
        // It starts programs as other users, binds sockets and opens files, but must not change the machine itself.
        for (const char* act : {"mount", "chroot", "make-device"}) {
            CAPTURE(act, kept.at(act));
            CHECK((kept.at(act) == EPERM || kept.at(act) == EACCES));
        }
        for (const char* act : {"fork", "execute", "socket-unix"}) CHECK(kept.at(act) == 0);
        if (!as_root) continue;
        const ProbeResults loose = probed_in_server(site, "keeper", as_root, "off");
        for (const char* act : {"mount", "chroot", "make-device"}) {
            CAPTURE(act);
            CHECK(loose.at(act) == 0);
        }
    }
}

TEST_CASE("a compromised TLS program can do none of forty forbidden things, whether or not root started it") {
    for (const bool as_root : {true, false}) {
        if (as_root && ::geteuid() != 0) continue;
        CAPTURE(as_root);
        const ProbeSite site;
        for (const auto& [act, result] : probed_as_tls_program(site, as_root, "require")) {
            CAPTURE(act);
            if (is_excepted("buzon-tls", act)) continue;
            CHECK((result == EPERM || result == EACCES || result == EXDEV));
        }
        CHECK(std::filesystem::exists(site.other + "/tmp/rubbish"));
        // Without a sandbox these succeed, so the test can tell.
        const ProbeResults loose = probed_as_tls_program(site, as_root, "off");
        for (const char* act :
             {"read-passwd",   "write-tmp",       "execute",    "execute-memory", "fork",
              "signal-others", "pidfd-of-others", "socket-tcp", "socket-udp",     "socket-netlink",
              "bind",          "listen",          "setuid",     "setgid",         "setresuid",
              "capset",        "raise-limits",    "map-code",   "make-code",      "new-user-namespace",
              "keyring",       "enter-namespace"}) {
            CAPTURE(act, loose.at(act));
            // If root started the server, it runs as a user who may not signal root's processes.
            if (as_root && act == std::string_view{"signal-others"}) continue;
            CHECK(loose.at(act) == 0);
        }
        if (as_root) continue;
        for (const char* act : {"read-other-mail", "write-other-mail", "chmod-other-mail", "make-fifo", "make-link"}) {
            CAPTURE(act, loose.at(act));
            CHECK(loose.at(act) == 0);
        }
    }
}
