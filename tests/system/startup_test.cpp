// system/startup_test.cpp - how the server starts, and what it says if it cannot.
#include <signal.h>
#include <sys/stat.h>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

// Checks for one line on stderr, nothing on stdout, and one of these exit codes.
void refused(const Words& arguments, std::initializer_list<int> codes, bool powerless = false) {
    Launch launch;
    launch.argv = {server_program()};
    launch.argv.insert(launch.argv.end(), arguments.begin(), arguments.end());
    launch.powerless = powerless;
    const Finished end = run(launch);
    std::string said;
    for (const std::string& word : arguments) said += word + " ";
    CAPTURE(said, end.code, end.err);
    CHECK(std::find(codes.begin(), codes.end(), end.code) != codes.end());
    CHECK(end.out.empty());
    CHECK(end.err.starts_with("server: "));
    CHECK(std::count(end.err.begin(), end.err.end(), '\n') == 1);
    CHECK(end.err.ends_with('\n'));
    // "server: WHAT: WHY"
    CHECK(end.err.find(": ", 8) != std::string::npos);
}

} // namespace

TEST_CASE("help and version go to stdout") {
    for (const char* option : {"-h", "--help"}) {
        const Finished end = run_server({option});
        CHECK(end.code == 0);
        CHECK(end.err.empty());
        for (const char* name :
             {"--port", "--ip", "--mgmt-port", "--mgmt-ip", "--path", "--user", "--transform", "--default", "--timeout",
              "--sessions", "--verbose", "--version", "--config", "--check", "--users", "--admin", "--disable"})
            CHECK(end.out.find(name) != std::string::npos);
        CHECK(end.out.find("--login-timeout SECONDS ") != std::string::npos);
    }
    for (const char* option : {"-v", "--version"}) {
        const Finished end = run_server({option});
        CHECK(end.code == 0);
        CHECK(end.err.empty());
        CHECK(end.out.find(BUZON_VERSION) != std::string::npos);
    }
}

TEST_CASE("wrong usage is refused with one line and exit code 64") {
    TempDirectory mail;
    const Words wrong[] = {
        {"--no-such-option"},
        {"-z"},
        {"operand"},
        {"-d", mail.path(), "operand"},
        {"--", "operand"},
        {"-p"},
        {"--port"},
        {"--port="},
        {"-p", ""},
        {"-p", "65536"},
        {"-p", "-1"},
        {"-p", "abc"},
        {"-p", "110x"},
        {"-p", "0x10"},
        {"-p", "1.5"},
        {"-p", " 1"},
        {"-p", "99999999999999999999"},
        {"-P", "65536"},
        {"--mgmt-port=x"},
        {"-l", ""},
        {"-l", "1.2.3"},
        {"-l", "256.1.1.1"},
        {"-l", "::g"},
        {"-l", "localhost.invalid."},
        {"-L", "1.2.3.4.5"},
        {"-L", "unix:"},
        {"-u", ""},
        {"-u", "name"},
        {"-u", ":pass"},
        {"-u", "name:"},
        {"-a", "name"},
        {"-a", ":x"},
        {"-u", "ana:x", "-u", "bea:x", "-u", "ana:y"},
        {"-a", "ana:x", "-a", "ana:x"},
        {"-T", ""},
        {"-T", "sed"},
        {"-T", "bin/sed:s/e/x/"},
        {"-T", "/usr/bin/sed 's/e/x"},
        {"--timeout", "0x"},
        {"--timeout", "-1"},
        {"--timeout", ""},
        {"--login-timeout", "x"},
        {"--transform-timeout", "x"},
        {"--max-connections", "-1"},
        {"--max-connections", "many"},
        {"--max-per-ip", "x"},
        {"--max-message-size", "1k2"},
        {"--sessions", "both"},
        {"--sessions", ""},
        {"--disable", "RETR"},
        {"--disable", "NOSUCH"},
        {"--disable", "TOP,,UIDL"},
        {"--proxy-from", "10.0.0.0/33"},
        {"--proxy-from", "x"},
        {"--metrics", "127.0.0.1"},
        {"--metrics", "127.0.0.1:x"},
        {"--help=yes"},
        {"--default=1"},
        {"--host", ""},
    };
    for (const Words& arguments : wrong) refused(arguments, {64});
}

TEST_CASE("files and folders in the arguments must exist and be of the right kind") {
    TempDirectory directory;
    const std::string mail = directory.path(), file = directory.file("a-file", "x\n"), nothing = directory / "nothing";
    const std::string file_inside = file + "/inside";
    refused({"-d", nothing}, {66});
    refused({"-d", file}, {66});
    refused({"-d", file_inside}, {66});
    refused({"-d", mail, "--users", nothing}, {66});
    refused({"-d", mail, "--users", mail}, {66});
    refused({"-d", mail, "--config", nothing}, {66});
    refused({"-d", mail, "--config", mail}, {66});
    const std::string pipe = directory / "pipe"; // the server must not wait for a writer
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (const char* option : {"--users", "--admins", "--config"}) refused({"-d", mail, option, pipe}, {66});
    refused({"-d", mail, "--mgmt-ip", "unix:" + pipe}, {66}); // it is not replaced
    Launch launch;
    launch.argv = {server_program(), "-p", "0", "-P", "0"};
    launch.directory = directory.path(); // where there is no ./maildir
    const Finished end = run(launch);
    CHECK(end.code == 66);
    CHECK(end.out.empty());
}

TEST_CASE("a file or folder without read permission is refused with exit code 77") {
    TempDirectory directory;
    const std::string users = directory.file("users", "ana:{PLAIN}x\n", 0000),
                      config = directory.file("config", "port = 0\n", 0000);
    refused({"-d", directory.path(), "--users", users}, {77}, true);
    refused({"-d", directory.path(), "--config", config}, {77}, true);
    std::filesystem::create_directory(directory / "closed");
    std::filesystem::permissions(directory / "closed", std::filesystem::perms::none);
    refused({"-d", directory / "closed"}, {77}, true);
    std::filesystem::permissions(directory / "closed", std::filesystem::perms::owner_all);
}

TEST_CASE("a file with invalid content is refused with exit code 78 and the line number") {
    TempDirectory directory;
    const std::string mail = directory.path();
    for (const char* content : {"ana\n", ":{PLAIN}x\n", "ana:{PLAIN}\n"}) {
        CAPTURE(content);
        refused({"-d", mail, "--users", directory.file("users", content)}, {78});
    }
    for (const char* content : {"no-such-name = 1\n", "port\n", "port = x\n", "timeout = -1\n"}) {
        CAPTURE(content);
        refused({"-d", mail, "--config", directory.file("config", content)}, {78});
    }
    Launch launch;
    launch.argv = {server_program(), "-d", mail, "--users",
                   directory.file("users", "# one\n\nana:{PLAIN}good\nana:{PLAIN}s3cr3t\n")};
    const Finished end = run(launch);
    CHECK(end.err.find("4") != std::string::npos);
    CHECK(end.err.find("s3cr3t") == std::string::npos);
}

TEST_CASE("secrets never appear in errors") {
    for (const Words& arguments : {Words{"-u", "s3cr3t"}, Words{"-u", ":s3cr3t"}, Words{"-a", ":s3cr3t"},
                                   Words{"-u", "ana:s3cr3t", "--no-such-option"}}) {
        const Finished end = run_server(arguments);
        CHECK(end.err.find("s3cr3t") == std::string::npos);
    }
}

TEST_CASE("secrets given on the command line do not stay readable in /proc") {
    Server server{0, {"-u", "ana:Se-cret/1", "--user=bo:Se-cret/2", "-aroot:Se-cret/3"}};
    ManagementClient manager = server.manager();
    CHECK(manager.ask("AUTH root Se-cret/3") == "welcome");
    for (const pid_t pid : descendants_of(server.pid()))
        CHECK(proc_text(pid, "cmdline").find("Se-cret") == std::string::npos);
    const std::string line = proc_text(server.pid(), "cmdline");
    CHECK(line.find("Se-cret") == std::string::npos);
    CHECK(line.find("ana:*") != std::string::npos);
    Pop3Client client = server.client();
    CHECK(client.command("USER bo").starts_with("+OK"));
    CHECK(client.command("PASS Se-cret/2").starts_with("+OK"));
}

TEST_CASE("a taken port is refused") {
    TempDirectory mail;
    const TakenPort taken;
    const std::string port = std::to_string(taken.number());
    refused({"-d", mail.path(), "-l", "127.0.0.1", "-p", port, "-P", "0"}, {71, 75});
    refused({"-d", mail.path(), "-l", "127.0.0.1", "-p", "0", "-P", port}, {71, 75});
    refused({"-d", mail.path(), "-l", "127.0.0.1", "-p", port, "-P", port}, {64, 71, 75});
    refused({"-d", mail.path(), "-l", "192.0.2.254", "-p", "0", "-P", "0"}, {71, 75}); // not an address of this machine
}

TEST_CASE("with --check, the server says whether it would start, and takes no port") {
    TempDirectory mail;
    const TakenPort taken;
    const Finished good = run_server(
        {"--check", "-d", mail.path(), "-l", "127.0.0.1", "-p", std::to_string(taken.number()), "-u", "a:b"});
    CHECK(good.code == 0);
    refused({"--check", "-d", mail / "nothing"}, {66});
    refused({"--check", "-p", "x"}, {64});
    refused({"--check", "-d", mail.path(), "--users", mail.file("users", "ana:{PLAIN}\n")}, {78});
}

TEST_CASE("with --check, every problem in the users file is reported; a bad secret is only a warning") {
    TempDirectory mail;
    const std::string users =
        mail.file("users", "ana:{PLAIN}a\nbob:{NOSUCH}s3cr3t\neva:{SHA512-CRYPT}s3cr3t\ntom:{PLAIN}t\n");
    const Finished warned = run_server({"--check", "-d", mail.path(), "--users", users});
    CHECK(warned.code == 0);
    CHECK(warned.err.starts_with("server: " + users + " line 2: bob: unknown password scheme {NOSUCH}"));
    CHECK(warned.err.find("\nserver: " + users + " line 3: eva: {SHA512-CRYPT}: ") != std::string::npos);
    CHECK((warned.err + warned.out).find("s3cr3t") == std::string::npos);
    (void)mail.file("users", "ana:{PLAIN}a\nbob:{NOSUCH}x\nana:{PLAIN}b\nnobody\n");
    const Finished wrong = run_server({"--check", "-d", mail.path(), "--users", users});
    CHECK(wrong.code == 78);
    for (const char* line : {" line 2: bob: ", " line 3: ana: ", " line 4: "})
        CHECK(wrong.err.find(users + line) != std::string::npos);
    CHECK(wrong.out.empty());
    const Finished nobody = run_server({"--check", "-d", mail.path()});
    CHECK(nobody.code == 0);
    CHECK(nobody.err.find("no users") != std::string::npos);
}

TEST_CASE("a server starts despite an unknown password scheme, names the user, and lets the others log in") {
    TempDirectory directory;
    const std::string users = directory.file("users", "ana:{PLAIN}a\nbob:{ARGON2ID}s3cr3t\n");
    Server server{0, {"--users", users}};
    const std::string words = users + " line 2: bob: unknown password scheme {ARGON2ID}; this user cannot log in";
    CHECK(server.logs(words));
    server.client().login("ana", "a");
    Pop3Client bob = server.client();
    (void)bob.command("USER bob");
    CHECK(bob.command("PASS s3cr3t").starts_with("-ERR [AUTH]"));
    CHECK(server.manager().many("USER LIST") == "ana\r\nbob locked unknown password scheme {ARGON2ID}\r\n");
    // The same on a reload, with a count instead of a thousand lines.
    std::string many = "ana:{PLAIN}a\n";
    for (int i = 0; i < 1000; ++i) many += "u" + std::to_string(i) + ":{ARGON2ID}s3cr3t\n";
    (void)directory.file("users", many);
    server.process().signal(SIGHUP);
    CHECK(server.logs("992 more users have broken secrets"));
    CHECK(server.logs(" u7: "));
    CHECK(server.log().find(" u8: ") == std::string::npos);
    CHECK(server.log().find("s3cr3t") == std::string::npos);
}

TEST_CASE("long options take their value after an equals sign or from the next argument") {
    for (const bool joined : {false, true}) {
        TempDirectory directory;
        Words arguments;
        for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"--ip", "127.0.0.1"},
                                                                                          {"--mgmt-ip", "127.0.0.1"},
                                                                                          {"--port", "0"},
                                                                                          {"--mgmt-port", "0"},
                                                                                          {"--path", directory.path()},
                                                                                          {"--user", "ana:a=b:c"},
                                                                                          {"--host", "puerto.example"},
                                                                                          {"--timeout", "700"}}) {
            if (joined)
                arguments.push_back(name + "=" + value);
            else
                arguments.insert(arguments.end(), {name, value});
        }
        Server::Setup setup;
        setup.arguments = arguments;
        setup.own_addresses = setup.own_root = true;
        Server server{setup};
        Pop3Client client = server.client();
        CHECK(client.greeting().ends_with("@puerto.example>"));
        client.login("ana", "a=b:c");
        client.quit();
    }
}

TEST_CASE("the ready line states the ports and address families that are really served") {
    {
        Server server;
        CHECK(server.ready_line() == "Server started on port " + std::to_string(server.port()) +
                                         " and for managers on port " + std::to_string(server.management_port()) +
                                         ", accepting IPv4 connections...");
        CHECK(server.port() != 0);
        CHECK(server.management_port() != 0);
    }
    if (!have_ipv6()) {
        WARN("this machine has no IPv6");
        return;
    }
    const auto ready_line_on = [](const Words& addresses) {
        TempDirectory mail;
        Server::Setup setup;
        setup.arguments = {"-d", mail.path()};
        for (const std::string& address : addresses) setup.arguments.insert(setup.arguments.end(), {"-l", address});
        setup.own_addresses = setup.own_root = true;
        Server server{setup};
        for (const std::string& address : addresses) CHECK(reachable(address, server.port())); // one port for all
        if (addresses.empty())
            for (const char* address : {"127.0.0.1", "::1"}) {
                CHECK(reachable(address, server.port()));
                CHECK(reachable(address, server.management_port()));
            }
        return server.ready_line();
    };
    CHECK(ready_line_on({"::1"}).ends_with("accepting IPv6 connections..."));
    CHECK(ready_line_on({"127.0.0.1", "::1"}).ends_with("accepting IPv4 and IPv6 connections..."));
    CHECK(ready_line_on({}).ends_with("accepting IPv4 and IPv6 connections..."));
}

TEST_CASE("port 0 picks one free port for all addresses") {
    Server::Setup setup;
    TempDirectory mail;
    setup.arguments = {"-d", mail.path(), "-L", "127.0.0.1"};
    for (int i = 1; i <= 8; ++i) setup.arguments.insert(setup.arguments.end(), {"-l", "127.0.0." + std::to_string(i)});
    setup.own_addresses = setup.own_root = true;
    Server server{setup};
    for (int i = 1; i <= 8; ++i) CHECK(reachable("127.0.0." + std::to_string(i), server.port()));
    CHECK(!reachable("127.0.0.9", server.port()));
}

TEST_CASE("with management only on a unix socket, the ready line has port 0") {
    TempDirectory mail;
    const std::string path = mail / "manage";
    Server::Setup setup;
    setup.arguments = {"-d", mail.path(), "-l", "127.0.0.1", "-L", "unix:" + path};
    setup.own_addresses = setup.own_root = true;
    Server server{setup};
    CHECK(server.management_port() == 0);
    ManagementClient manager{"unix:" + path, 0};
    CHECK(manager.ask("METR") == "0;0;0;0");
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK(server.stop() == 0);
    CHECK(!std::filesystem::exists(path));
}

TEST_CASE("a management service open to the world needs an administrator") {
    TempDirectory mail;
    refused({"-d", mail.path(), "-l", "127.0.0.1", "-p", "0", "-P", "0", "-L", "0.0.0.0"}, {64});
}

TEST_CASE("a config file provides what the command line does not set") {
    TempDirectory directory;
    std::filesystem::create_directory(directory / "mail");
    const std::string config = directory.file(
        "config", "# a comment\n\nport = 1\nip = 127.0.0.1\nmgmt-ip = 127.0.0.1\npath = " + (directory / "mail") +
                      "\nuser = ana:uno\nuser = bea:dos\nhost = fichero.example\nsessions = shared\n");
    Server::Setup setup;
    setup.arguments = {"--config", config}; // the harness passes -p 0, which overrides port = 1
    setup.own_addresses = setup.own_root = true;
    Server server{setup};
    Pop3Client ana = server.client(), again = server.client(), bea = server.client();
    CHECK(ana.greeting().ends_with("@fichero.example>"));
    ana.login("ana", "uno");
    again.login("ana", "uno");
    bea.login("bea", "dos");
}

TEST_CASE("the server works whichever of its standard descriptors are closed") {
    for (int closed = 0; closed < 8; ++closed) {
        CAPTURE(closed);
        TempDirectory mail;
        const Maildir maildir{mail / "user1"};
        (void)maildir.deliver("1700000001.M1P1.h", "Subject: a\n\nb\n");
        const std::uint16_t port = free_port();
        std::uint16_t management = free_port();
        while (management == port) management = free_port();
        Launch launch;
        launch.argv = {server_program(),
                       "-l",
                       "127.0.0.1",
                       "-L",
                       "127.0.0.1",
                       "-p",
                       std::to_string(port),
                       "-P",
                       std::to_string(management),
                       "-d",
                       mail.path(),
                       "-u",
                       "user1:pass1",
                       "-T",
                       "/bin/cat"};
        for (int i = 0; i < 3; ++i)
            if (closed & (1 << i)) launch.standard[i] = Launch::closed;
        Process process{launch};
        REQUIRE(comes_up(port));
        REQUIRE(comes_up(management));
        Pop3Client client{"127.0.0.1", port};
        client.login("user1", "pass1");
        CHECK(client.retrieve(1) == "Subject: a\r\n\r\nb\r\n");
        client.quit();
        CHECK(ManagementClient{"127.0.0.1", management}.ask("METR").starts_with("1;"));
        CHECK(process.running());
        process.signal(SIGTERM);
        CHECK(process.wait() == 0);
    }
}

TEST_CASE("the server works with a stdout that nobody reads and a stderr that is full or broken") {
    TempDirectory mail;
    (void)Maildir{mail / "user1"};
    const std::uint16_t port = free_port();
    auto out = buzon::posix::make_pipe(false), err = buzon::posix::make_pipe(true);
    std::string filler(4096, 'x');
    while (::write(err.value().write_end.get(), filler.data(), filler.size()) > 0) {
    }
    Launch launch;
    launch.argv = {
        server_program(), "-l", "127.0.0.1",  "-L", "127.0.0.1", "-p", std::to_string(port), "-P", "0", "-N", "-d",
        mail.path(),      "-u", "user1:pass1"};
    launch.standard[1] = out.value().write_end.get();
    launch.standard[2] = err.value().write_end.get();
    Process process{launch};
    out.value().read_end.reset();
    REQUIRE(comes_up(port));
    for (int i = 0; i < 20; ++i) {
        Pop3Client client{"127.0.0.1", port};
        client.login("user1", "pass1");
        client.quit();
    }
    err.value().read_end.reset(); // now writing even fails with EPIPE
    Pop3Client client{"127.0.0.1", port};
    client.login("user1", "pass1");
    client.quit();
    process.signal(SIGTERM);
    CHECK(process.wait() == 0);
}

TEST_CASE("the server finds what it needs from any directory and under any name") {
    TempDirectory elsewhere;
    std::filesystem::create_symlink(server_program(), elsewhere / "enlace");
    for (const std::string& program : {server_program(), elsewhere / "enlace"}) {
        Launch launch;
        launch.argv = {program, "--version"};
        launch.directory = "/";
        CHECK(run(launch).code == 0);
    }
    Server::Setup setup;
    setup.arguments = {"--default"};
    setup.own_addresses = setup.own_root = true;
    Server server{setup}; // started from a directory of its own
    CHECK(server.session(6).command("STAT").starts_with("+OK 7 "));
}
