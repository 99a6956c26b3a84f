// system/unit_filter_test.cpp - the server under the system-call filters that systemd builds from the shipped units.
// CONTRIBUTING.md says how to run all tests of this folder that way.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "support/catch.h"
#include "support/programs.h"
#include "system/manage_server.h"
#include "system/tls_site.h"

using namespace buzon::test;

namespace {

bool can_make_filters() {
    if (run({"sh", "-c", "command -v systemd-analyze"}).code == 0) return true;
    WARN("no systemd-analyze: nothing tested");
    return false;
}

// Writes the filter built from these files of packaging/ to a file in the directory, and returns its path.
std::string filter_of(const TempDirectory& directory, const Words& files) {
    Words argv{source_directory() + "/tests/unit-filter"};
    for (const std::string& file : files) argv.push_back(source_directory() + "/packaging/" + file);
    const Finished made = run(argv);
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    REQUIRE(made.out.size() > 1000);
    const std::string filter = directory.file("filter", made.out);
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0755});
    std::filesystem::permissions(filter, std::filesystem::perms{0644});
    return filter;
}

// The output of Python code that runs under the filter.
std::string result_of(const std::string& filter, const std::string& python) {
    return run({filter_program(), filter, "/usr/bin/python3", "-c", "import ctypes, errno, os, socket\n" + python}).out;
}

void everything_works(const std::string& filter, bool as_root) {
    const TempDirectory directory;
    const std::string certificate = directory / "cert.pem";
    make_certificate(certificate);
    Server::Setup setup;
    if (!as_root && ::geteuid() == 0) {
        setup.before = {"/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
        REQUIRE(::lchown(directory.path().c_str(), 65534, 65534) == 0);
        REQUIRE(::lchown(certificate.c_str(), 65534, 65534) == 0);
    }
    setup.before.insert(setup.before.end(), {filter_program(), filter});
    const std::string mail = directory / "mail";
    const Maildir maildir{mail + "/user1"};
    (void)maildir.deliver("1700000001.M1P1.h", managed_mail);
    (void)maildir.deliver("1700000002.M1P1.h", managed_mail);
    for (const auto& one : std::filesystem::recursive_directory_iterator(mail))
        if (!as_root && ::geteuid() == 0) REQUIRE(::lchown(one.path().c_str(), 65534, 65534) == 0);
    if (!as_root && ::geteuid() == 0) REQUIRE(::lchown(mail.c_str(), 65534, 65534) == 0);
    setup.own_root = true;
    setup.arguments = {"-d",         mail,        "-u",         "user1:pass1", "-T",        "/bin/sed:s/uno/one/",
                       "--tls-cert", certificate, "--tls-port", "0",           "--sandbox", "require"};
    Server server{setup};

    Pop3Client client = server.session();
    CHECK(client.retrieve(1) == as_received("Subject: gestion\n\n.one\ndos\n"));
    CHECK(client.command("DELE 1").starts_with("+OK"));
    CHECK(client.many("UIDL").starts_with("2 "));
    client.quit();
    CHECK_FALSE(std::filesystem::exists(mail + "/user1/new/1700000001.M1P1.h"));

    ManagementClient manager = server.manager();
    const std::string port = manager.ask("PORT 0");
    Pop3Client moved{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(port))};
    moved.login("user1", "pass1");
    CHECK(moved.command("STAT").starts_with("+OK 1 "));
    moved.quit();

    ::kill(server.reactor(), SIGHUP);
    CHECK(eventually([&] { return server.log().find("what=files") != std::string::npos; }));
    const Finished over_tls =
        run({"curl", "-sSk", "--user", "user1:pass1", "pop3s://127.0.0.1:" + tls_port(server) + "/1"});
    CAPTURE(over_tls.err);
    CHECK(over_tls.out.find("one\r\n") != std::string::npos);
    CHECK(manager.command("METR sandbox-denials") == "+OK 0");
    CHECK(server.log().find("level=error") == std::string::npos);
}

} // namespace

TEST_CASE("an ordinary user's server does all its work under the filter of the shipped unit") {
    if (!can_make_filters()) return;
    const TempDirectory directory;
    everything_works(filter_of(directory, {"buzond.service.in"}), false);
}

TEST_CASE("if a unit's filter denies openat2 to the server, a worker opens several messages at once") {
    if (!can_make_filters()) return;
    const TempDirectory directory;
    Server::Setup setup = Server::of_own_mail(1);
    setup.before = {filter_program(), filter_of(directory, {"buzond.service.in", "examples/several-owners.conf"})};
    Server server{setup};
    const Maildir maildir = server.maildir("user1");
    constexpr int messages = 40;
    for (int i = 10; i < 10 + messages; ++i)
        (void)maildir.deliver("17000000" + std::to_string(i) + ".M1P1.h", managed_mail);
    server.give_mail();
    Pop3Client client = server.session();
    ManagementClient manager = server.manager();
    const int before = std::stoi(manager.ask("METR worker-jobs"));
    for (int i = 1; i <= messages; ++i) CHECK(client.retrieve(i) == as_received(managed_mail));
    CHECK(std::stoi(manager.ask("METR worker-jobs")) - before < messages / 3);
}

TEST_CASE("root's server does all its work under the filter of the shipped unit with several-owners.conf") {
    if (!can_make_filters() || ::geteuid() != 0) return;
    const TempDirectory directory;
    everything_works(filter_of(directory, {"buzond.service.in", "examples/several-owners.conf"}), true);
}

TEST_CASE("the filter built from a unit refuses what the unit does not allow") {
    if (!can_make_filters()) return;
    const TempDirectory directory;
    const std::string filter = filter_of(directory, {"buzond.service.in"});
    const auto error_of = [&](const std::string& call) {
        return result_of(filter, "libc = ctypes.CDLL(None, use_errno=True)\nr = libc." + call +
                                     "\nprint('done' if r >= 0 else errno.errorcode[ctypes.get_errno()], end='')");
    };
    CHECK(error_of("getppid()") == "done");
    CHECK(error_of("socket(1, 1, 0)") == "done");
    CHECK(error_of("socket(16, 3, 0)") == "EAFNOSUPPORT"); // RestrictAddressFamilies
    CHECK(error_of("unshare(0x10000000)") == "EPERM");     // RestrictNamespaces
    CHECK(error_of("mprotect(0, 4096, 5)") == "EPERM");    // MemoryDenyWriteExecute
    CHECK(error_of("chmod(b'/nonexistent', 0o4755)") == "EPERM");
    CHECK(error_of("chmod(b'/nonexistent', 0o755)") == "ENOENT");
    CHECK(error_of("mount(0, 0, 0, 0, 0)") == "EPERM");
    CHECK(error_of("setuid(os.getuid())") == "EPERM"); // ~@privileged
    CHECK(error_of("nice(0)") == "EPERM");             // ~@resources
    CHECK(error_of("syscall(100000)") == "ENOSYS");
    const std::string of_root = filter_of(directory, {"buzond.service.in", "examples/several-owners.conf"});
    CHECK(result_of(of_root, "os.setuid(os.getuid()); print('done', end='')") == "done");
}
