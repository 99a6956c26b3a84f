// system/packaging_test.cpp - what is installed besides the programs: units, man pages, examples.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "support/catch.h"
#include "support/programs.h"
#include "support/wire.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

namespace fs = std::filesystem;

const std::string& packaging() {
    static const std::string folder = source_directory() + "/packaging";
    return folder;
}

bool is_installed(const std::string& program) {
    return run({"sh", "-c", "command -v " + program}).code == 0;
}

std::set<std::string> metric_names(const std::string& text) {
    static const std::regex name{"buzon_[a-z0-9_]+"};
    std::set<std::string> names;
    for (std::sregex_iterator at{text.begin(), text.end(), name}, end; at != end; ++at) names.insert(at->str());
    return names;
}

// Runs `cmake --install` for this build and returns the prefix.
std::string installed_below(const TempDirectory& directory) {
    const fs::path build = fs::read_symlink("/proc/self/exe").parent_path().parent_path();
    const std::string prefix = directory / "prefix";
    const Finished done = run({"cmake", "--install", build.string(), "--prefix", prefix});
    CAPTURE(done.out, done.err);
    REQUIRE(done.code == 0);
    return prefix;
}

} // namespace

TEST_CASE("the man pages have every option of --help") {
    const TempDirectory directory;
    const std::string bin = fs::path{server_program()}.parent_path().string() + "/";
    const Finished made = run({packaging() + "/make-man", server_program(), client_program(), directory.path(),
                               bin + "buzon-each", bin + "buzon-rename", bin + "buzon-spamd"});
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    const Finished help = run_server({"--help"});
    const std::string page = read_whole(directory / "buzond.8");
    const std::regex option{"--([a-z][a-z0-9-]+)"};
    for (std::sregex_iterator at{help.out.begin(), help.out.end(), option}, end; at != end; ++at)
        CHECK(page.find(std::regex_replace((*at)[1].str(), std::regex{"-"}, "\\-")) != std::string::npos);
    CHECK(page.find(".B \\-\\-checkpassword PROGRAM [ARG...]\nask this program") != std::string::npos);
    CHECK(read_whole(directory / "buzon-spamd.8").find("\\-U SOCKET") != std::string::npos);
    CHECK(read_whole(directory / "buzon-rename.8").find("buzon\\-rename [\\-b EXT") != std::string::npos);
    CHECK(read_whole(directory / "buzon-each.8").find("buzon\\-each /PROGRAM") != std::string::npos);
}

TEST_CASE("docs/operations.md has every option, and its tables show the defaults of --help") {
    const std::string help = run_server({"--help"}).out, page = read_whole(source_directory() + "/docs/operations.md");
    std::map<std::string, std::string> defaults; // by option
    const std::regex option{R"(\n +(?:-\w, )?--([a-z][a-z0-9-]*)[^\n]*)"}, at_end{R"(\(([^()]*)\)$)"};
    for (std::sregex_iterator at{help.begin(), help.end(), option}, end; at != end; ++at) {
        std::smatch found;
        const std::string line = at->str();
        defaults[(*at)[1]] = std::regex_search(line, found, at_end) ? found[1].str() : "";
        INFO(line);
        CHECK(std::regex_search(page, std::regex{"[`-]" + (*at)[1].str() + "\\b"}));
    }
    REQUIRE(defaults.size() > 50);
    std::size_t settings = 0;
    std::istringstream lines{page};
    const std::regex row{R"(\| `([a-z-]+)` \| `?([^|`]*?)`? \|.*)"};
    bool in_table = false;
    for (std::string line; std::getline(lines, line);) {
        std::smatch found;
        in_table = line == "| setting | default | meaning |" || (in_table && line.starts_with("|"));
        if (!in_table || !std::regex_match(line, found, row)) continue;
        std::string value = found[2];
        if (value.ends_with(" GiB")) value = std::to_string(std::stoull(value) << 30U);
        INFO(line);
        CHECK(defaults.at(found[1]) == value);
        ++settings;
    }
    CHECK(settings > 20);
}

TEST_CASE("everything is installed, and the installed sample configuration passes --check") {
    const TempDirectory directory;
    const std::string prefix = installed_below(directory);
    for (const char* file : {"sbin/buzond",
                             "bin/buzonctl",
                             "libexec/buzon/buzon-each",
                             "libexec/buzon/buzon-rename",
                             "libexec/buzon/buzon-spamd",
                             "lib/systemd/system/buzond.service",
                             "lib/systemd/system/buzond@.service",
                             "lib/systemd/system/buzond.socket",
                             "lib/sysusers.d/buzon.conf",
                             "lib/tmpfiles.d/buzon.conf",
                             "etc/buzon/buzon.conf",
                             "etc/logrotate.d/buzon",
                             "etc/fail2ban/filter.d/buzon.conf",
                             "share/bash-completion/completions/buzonctl",
                             "share/bash-completion/completions/buzond",
                             "share/doc/buzon/LICENSE",
                             "share/doc/buzon/examples/buzon.rules.yml",
                             "share/doc/buzon/examples/buzon-dashboard.json",
                             "share/doc/buzon/examples/haproxy.cfg",
                             "share/doc/buzon/examples/nginx.conf",
                             "share/doc/buzon/examples/stunnel.conf",
                             "share/doc/buzon/examples/several-owners.conf"}) {
        INFO(file);
        CHECK(fs::exists(prefix + "/" + file));
    }
    const Finished checked = run({prefix + "/sbin/buzond", "--config", prefix + "/etc/buzon/buzon.conf", "--check"});
    CAPTURE(checked.err);
    CHECK(checked.code == 0);
    CHECK(read_whole(prefix + "/lib/systemd/system/buzond.service").find("ExecStart=/") != std::string::npos);
}

TEST_CASE("the packages create the users that root's server and its TLS program run as") {
    const std::string by_systemd = read_whole(packaging() + "/sysusers.conf");
    const std::string by_debian = read_whole(packaging() + "/debian/postinst");
    for (const std::string user : {"buzon", "buzon-tls"}) {
        CAPTURE(user);
        CHECK(("\n" + by_systemd).find("\nu " + user + " ") != std::string::npos);
        CHECK(by_debian.find("getent passwd " + user + " ") != std::string::npos);
    }
}

TEST_CASE("the units pass systemd-analyze security") {
    if (!is_installed("systemd-analyze")) return;
    const TempDirectory directory;
    for (const char* name : {"buzond.service", "buzond@.service"}) {
        std::string text = read_whole(packaging() + "/" + name + ".in");
        const std::string folder = "@CMAKE_INSTALL_FULL_SBINDIR@";
        for (std::size_t at = 0; (at = text.find(folder)) != std::string::npos;)
            text.replace(at, folder.size(), "/bin");
        const std::string unit =
            directory.file(name == std::string{"buzond.service"} ? name : "buzond@one.service", text);
        const Finished score = run({"systemd-analyze", "security", "--offline=true", "--threshold=15", unit});
        CAPTURE(score.out, score.err);
        CHECK(score.code == 0);
    }
}

TEST_CASE("the alert rules and the dashboard use only metrics that exist") {
    Server server{1, {"--metrics", "127.0.0.1:0"}};
    const std::string info = server.manager().many("INFO *");
    const std::size_t at = info.find("metrics ");
    REQUIRE(at != std::string::npos);
    const std::string address = info.substr(at + 8, info.find('\r', at) - at - 8);
    const Finished page = run({"curl", "-s", "http://" + address + "/metrics"});
    const std::set<std::string> known = metric_names(page.out);
    REQUIRE(known.size() > 50);
    for (const char* file : {"buzon.rules.yml", "buzon-dashboard.json"}) {
        const std::set<std::string> named = metric_names(read_whole(packaging() + "/examples/" + file));
        CHECK(named.size() > 3);
        for (const std::string& name : named) {
            INFO(file << ": " << name);
            CHECK(known.contains(name));
        }
    }
    if (!is_installed("promtool")) return;
    CHECK(run({"promtool", "check", "rules", packaging() + "/examples/buzon.rules.yml"}).code == 0);
}

TEST_CASE("fail2ban's filter finds the address of every failed login, whatever user name the client sends") {
    Server server{1, {"--proxy-from", "127.0.0.1", "--throttle-free", "100"}};
    for (const char* name :
         {"user1", "nobody", "ip=10.9.9.9", "a ip=10.9.9.9 ", "\" ip=10.9.9.9 x=\"", "\\\" ip=10.9.9.9"}) {
        Wire wire{"127.0.0.1", server.port(), {}};
        wire.send("PROXY TCP4 192.0.2.7 192.0.2.1 4711 110\r\nUSER " + std::string{name} + "\r\nPASS wrong\r\n");
        CHECK(wire.line().starts_with("+OK POP3"));
        CHECK(wire.line().starts_with("+OK"));
        CHECK(wire.line().starts_with("-ERR"));
    }
    REQUIRE(eventually([&] {
        const std::string log = server.log();
        std::size_t found = 0;
        for (std::size_t at = 0; (at = log.find(" auth-fail ", at)) != std::string::npos; ++at) ++found;
        return found == 6;
    }));
    const Finished matched =
        run({"fail2ban-regex", "-o", "<ip>", server.directory() / "log", packaging() + "/fail2ban.conf"});
    CAPTURE(matched.out, matched.err);
    CHECK(matched.out == "192.0.2.7\n192.0.2.7\n192.0.2.7\n192.0.2.7\n192.0.2.7\n192.0.2.7\n");
}
