// system/check_test.cpp - what --check finds, and the table of common mistakes in docs/operations.md.
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

namespace fs = std::filesystem;

// The rows "| mistake | `message` |" of the table.
std::map<std::string, std::string> usual_mistakes() {
    const std::string text = read_whole(source_directory() + "/docs/operations.md");
    std::map<std::string, std::string> rows;
    std::size_t at = text.find("| mistake | what it says |");
    REQUIRE(at != std::string::npos);
    at = text.find('\n', text.find('\n', at) + 1) + 1; // past the rule below the header row
    while (text.substr(at, 2) == "| ") {
        const std::string row = text.substr(at, text.find('\n', at) - at);
        const std::size_t middle = row.find(" | `");
        rows[row.substr(2, middle - 2)] = row.substr(middle + 4, row.size() - middle - 7);
        at += row.size() + 1;
    }
    return rows;
}

std::string with(std::string text, const std::string& word, const std::string& value) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size())
        text.replace(at, word.size(), value);
    return text;
}

// A mail root, and a config file and a users file of mode 0600, into which tests put mistakes.
struct Site {
    TempDirectory directory;
    std::string mail = directory / "mail", conf = directory / "conf", users = directory / "users";

    Site() {
        fs::create_directory(mail);
        write("users", "ana:{PLAIN}secret\n");
        write("conf", "");
    }
    void write(const std::string& name, const std::string& text) {
        fs::permissions(directory.file(name, text), fs::perms::owner_read | fs::perms::owner_write);
    }
    [[nodiscard]] Words arguments() const { return {"--config", conf, "-d", mail, "--users", users}; }
};

Finished check(const Words& arguments, bool powerless = false) {
    Launch launch;
    launch.argv = {server_program(), "--check"};
    launch.argv.insert(launch.argv.end(), arguments.begin(), arguments.end());
    launch.powerless = powerless;
    return run(launch);
}

Words and_more(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

} // namespace

TEST_CASE("each common mistake is reported with the message that docs/operations.md gives") {
    const TakenPort taken;
    using Make = std::function<Finished(Site&)>;
    const std::map<std::string, Make> made = {
        {"a quoted path",
         [](Site& site) {
             site.write("conf", "path = \"" + site.mail + "\"\n");
             return check({"--config", site.conf, "--users", site.users});
         }},
        {"an unknown unit",
         [](Site& site) {
             site.write("conf", "timeout = 15min\n");
             return check(site.arguments());
         }},
        {"an unknown option",
         [](Site& site) {
             site.write("conf", "tiemout = 900\n");
             return check(site.arguments());
         }},
        {"no users",
         [](Site& site) {
             return check({"-d", site.mail});
         }},
        {"an mbox instead of a Maildir",
         [](Site& site) {
             (void)site.directory.file("mail/ana", "From ana\n");
             return check(site.arguments());
         }},
        {"a foreign owner",
         [](Site& site) {
             site.write("users", "ana:{PLAIN}secret:4243:4243\n");
             fs::create_directories(site.mail + "/ana/cur");
             if (::geteuid() == 0) REQUIRE(::chown((site.mail + "/ana").c_str(), 4242, 4242) == 0);
             return check(site.arguments());
         }},
        {"a port in use",
         [&](Site& site) {
             return run_server(
                 and_more(site.arguments(), {"-l", "127.0.0.1", "-P", "0", "-p", std::to_string(taken.number())}));
         }},
        {"an unreadable file",
         [](Site& site) {
             fs::permissions(site.users, fs::perms::none);
             return check(site.arguments(), true);
         }},
        {"secrets that everybody can read",
         [](Site& site) {
             fs::permissions(site.users, fs::perms::owner_read | fs::perms::others_read);
             return check(site.arguments());
         }},
        {"a missing program",
         [](Site& site) {
             return check(and_more(site.arguments(), {"-T", "/usr/bin/no-such-program"}));
         }},
    };
    const auto rows = usual_mistakes();
    CHECK(rows.size() == 10);
    for (const auto& [mistake, message] : rows) {
        INFO(mistake);
        REQUIRE(made.contains(mistake));
        if (mistake == "a foreign owner" && ::geteuid() != 0) continue; // only root can give a file away
        Site site;
        const Finished found = made.at(mistake)(site);
        std::string expected = with(message, "CONF", site.conf);
        expected = with(with(expected, "MAIL", site.mail), "USERS", site.users);
        expected = with(expected, "PORT", std::to_string(taken.number()));
        CAPTURE(found.err, expected);
        CHECK(("\n" + found.err).find("\nserver: " + expected) != std::string::npos);
        const bool warning = mistake == "no users" || mistake.starts_with("an mbox") ||
                             mistake.starts_with("a foreign") || mistake.starts_with("secrets");
        CHECK((found.code == 0) == warning);
    }
}

TEST_CASE("--check reports every mistake in every file, and never a secret") {
    Site site;
    site.write("conf", "# a comment\n"
                       "port = nonsense\n"
                       "no equals sign here\n"
                       "timeout = -1\n"
                       "sesions = shared\n"
                       "verbose = perhaps\n"
                       "user = eva\n"
                       "transform = /no/such/filter\n");
    site.write("users", "ana:{PLAIN}geheim\nbob:{NOSUCH}geheim\nana:{PLAIN}geheim2\n");
    const Finished found =
        check(and_more(site.arguments(), {"--log-file", "/no/such/directory/log", "--state", "/no/such"}));
    CAPTURE(found.err);
    CHECK(found.code == 78);
    for (const char* line : {" line 2: port: ", " line 3: must be \"name = value\"",
                             " line 4: timeout: ", " line 5: sesions: unknown option; did you mean sessions?",
                             " line 6: verbose: takes no value, or on or off", " line 7: user: ", "/no/such/filter",
                             "users line 2: bob: unknown password scheme {NOSUCH}",
                             "users line 3: ana: ", "/no/such/directory/log: No such file or directory",
                             "/no/such: No such file or directory"})
        CHECK(found.err.find(line) != std::string::npos);
    CHECK(found.err.find("geheim") == std::string::npos);
    CHECK(found.out.empty());
    // Each line appears once.
    std::map<std::string, int> lines;
    for (std::size_t at = 0; at < found.err.size(); at = found.err.find('\n', at) + 1)
        CHECK(++lines[found.err.substr(at, found.err.find('\n', at) - at)] == 1);
}

TEST_CASE("a wrong command line is reported with the config file's mistakes, and no other files are checked") {
    Site site;
    site.write("conf", "port = nonsense\n");
    const Finished found = check({"--config", site.conf, "-d", "/no/such", "-x", "1", "--timeout=soon", "-P"});
    CHECK(found.code == 64);
    CHECK(found.err == "server: -x: unknown option (see --help)\nserver: -P: missing value\nserver: " + site.conf +
                           " line 1: port: a port is a whole number from 0 to 65535\nserver: --timeout: a whole number "
                           "of seconds from 1 to 604800; units s m h d\n");
}

TEST_CASE("an error about an unknown option suggests the nearest name, if there is a similar one") {
    CHECK(run_server({"--prot", "1"}).err == "server: --prot: unknown option; did you mean --port?\n");
    CHECK(run_server({"--max-conections=1"}).err ==
          "server: --max-conections: unknown option; did you mean --max-connections?\n");
    CHECK(run_server({"--frobnicate"}).err == "server: --frobnicate: unknown option (see --help)\n");
    CHECK(run_server({"--" + std::string(5000, 'x')}).code == 64);
    Site site;
    site.write("conf", "chekc\n"); // not allowed in a file, so it is not offered
    CHECK(check(site.arguments()).err.find("did you mean check") == std::string::npos);
}

TEST_CASE("without --check, startup stops at the first mistake and prints one line") {
    Site site;
    site.write("conf", "port = x\ntimeout = y\n");
    const Finished end = run_server(site.arguments());
    CHECK(end.code == 78);
    CHECK(end.err == "server: " + site.conf + " line 1: port: a port is a whole number from 0 to 65535\n");
}

TEST_CASE("--check accepts quotes in a user's password and in a program's arguments") {
    Site site;
    site.write("conf", "user = \"eva\":\"secret\"\ntransform = /bin/cat \"a b\"\n");
    CHECK(check({"--config", site.conf, "-d", site.mail}).code == 0);
}
