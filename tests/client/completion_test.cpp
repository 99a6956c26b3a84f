// The completion files in the shells themselves: what Tab offers after the words typed so far.
#include <filesystem>
#include <set>
#include <sstream>

#include "buzon/talk/commands.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/programs.h"
#include "support/temp_directory.h"

namespace {

using Offers = std::set<std::string>;

Offers lines_of(const std::string& text) {
    Offers found;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) found.insert(line);
    return found;
}

// The offers for the last word, requested as bash would request them.
Offers offers(const std::vector<std::string>& words) {
    std::string typed = buzon::test::client_program(), pieces = typed;
    for (const std::string& word : words) {
        typed += ' ' + word;
        pieces += " '";
        for (std::size_t i = 0; i < word.size(); ++i) { // bash splits words at colons
            if (i > 0 && (word[i - 1] == ':') != (word[i] == ':')) pieces += "' '";
            pieces += word[i];
        }
        pieces += '\'';
    }
    const std::string script = "source " + buzon::test::source_directory() +
                               "/src/client/completion.bash; COMP_WORDS=(" + pieces + "); COMP_LINE='" + typed +
                               "'; COMP_POINT=${#COMP_LINE}; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _buzonctl; printf "
                               "'%s\\n' \"${COMPREPLY[@]}\"";
    const buzon::test::Finished end = buzon::test::run({"bash", "--norc", "-c", script});
    CAPTURE(words, end.err);
    CHECK(end.code == 0);
    CHECK(end.err.empty());
    return lines_of(end.out);
}

bool has_shell(const std::string& name) {
    const bool there = buzon::test::run({"sh", "-c", "command -v " + name}).code == 0;
    if (!there) WARN(name << " is not installed");
    return there;
}

// A folder in PATH with the client under its installed name, so that shells can call it by name.
class Home {
public:
    Home() { std::filesystem::create_symlink(buzon::test::client_program(), folder_ / "buzonctl"); }
    [[nodiscard]] buzon::test::Finished run(std::vector<std::string> argv) const {
        buzon::test::Launch launch{std::move(argv)};
        launch.environment = {{"PATH", folder_.path().string() + ":/usr/bin:/bin"}, {"HOME", folder_.path().string()}};
        return buzon::test::run(launch);
    }

private:
    buzon::test::TempDirectory folder_;
};

} // namespace

TEST_CASE("bash offers options, the usual port, and every command the client knows") {
    CHECK(offers({"--"}) == Offers{"--raw", "--json", "--auth", "--server", "--timeout", "--help", "--version"});
    CHECK(offers({"--auth", ""}).empty());
    CHECK(offers({"127.0.0.1", "1"}) == Offers{"1111"});
    CHECK(offers({"127.0.0.1", "KI"}) == Offers{"KICK"}); // the port may be left out
    CHECK(offers({"::1", "USER", "L"}) == Offers{"LIST"});
    const Offers verbs = offers({"127.0.0.1", "1111", ""});
    for (const std::string& verb : buzon::client::complete("", {}).words) {
        CAPTURE(verb);
        CHECK(verbs.contains(verb));
    }
    CHECK(offers({"127.0.0.1", "1111", "MET"}) == Offers{"METR"});
    CHECK(offers({"--raw", "127.0.0.1", "1111", "met"}) == Offers{"metr"});
    CHECK(offers({"--auth", "root", "localhost", "1111", "KI"}) == Offers{"KICK"});
    CHECK(offers({"::1", "1111", "KI"}) == Offers{"KICK"});
    CHECK(offers({"--json", "::1", "1111", "KI"}) == Offers{"KICK"});
    CHECK(offers({"--auth", "root", "::1", "1"}) == Offers{"1111"});
    CHECK(offers({"unix:/run/buzon/mgmt", "DI"}) == Offers{"DIRR"});
    CHECK(offers({"--raw", "unix:/run/buzon/mgmt", "USER", "L"}) == Offers{"LIST"});
}

TEST_CASE("bash offers what may follow a command") {
    CHECK(offers({"127.0.0.1", "1111", "USER", ""}) == Offers{"ADD", "DEL", "LIST", "PASS", "SECRET"});
    CHECK(offers({"127.0.0.1", "1111", "LOGG", "F"}) == Offers{"FOLLOW"});
    CHECK(offers({"127.0.0.1", "1111", "EVNT", "login", "auth"}) == Offers{"auth-fail"});
    CHECK(offers({"127.0.0.1", "1111", "plot", "messages", ""}) == Offers{"minute", "hour", "day", "week"});
    CHECK(offers({"127.0.0.1", "1111", "HIST", "hist"}) == Offers{"historic"});
    CHECK(offers({"127.0.0.1", "1111", "NOOP", ""}).empty());
    CHECK(offers({"hash", "SCR"}) == Offers{"SCRAM-SHA-256"});
    CHECK(offers({"::1", "CONF", "sessions", ""}) == Offers{"exclusive", "shared"});
    CHECK(offers({"::1", "METR", "loop-b"}) == Offers{"loop-busy"});
    CHECK(offers({"::1", "METR", "?", "loop-b"}) == Offers{"loop-busy"});
    CHECK(offers({"::1", "EVNT", "us"}) == Offers{"user="});
}

TEST_CASE("client --complete prints the offers for bash, zsh and fish") {
    const auto said = [](std::vector<std::string> words) {
        std::vector<std::string> all{buzon::test::client_program(), "--complete"};
        all.insert(all.end(), words.begin(), words.end());
        return buzon::test::run(all).out;
    };
    CHECK(said({"--server", "mail", "INF"}) == "INFO\n");
    CHECK(said({"--server=mail", "kic"}) == "kick\n");
    CHECK(said({"--server", ""}).empty());
    CHECK(said({"::1", "PORT", ""}).empty());
    CHECK(said({}).find("localhost\n") != std::string::npos);
}

TEST_CASE("fish offers what the client says") {
    if (!has_shell("fish")) return;
    const Home home;
    const std::string file = buzon::test::source_directory() + "/src/client/completion.fish";
    const auto in_fish = [&](const std::string& line) {
        const auto end = home.run({"fish", "--no-config", "-c", "source " + file + "; complete -C '" + line + "'"});
        CAPTURE(line, end.err);
        CHECK(end.code == 0);
        return lines_of(end.out);
    };
    CHECK(in_fish("buzonctl ::1 1111 USER ") == Offers{"ADD", "DEL", "LIST", "PASS", "SECRET"});
    CHECK(in_fish("buzonctl unix:/run/x DI") == Offers{"DIRR"});
    CHECK(in_fish("buzonctl ::1 CONF sessions ") == Offers{"exclusive", "shared"});
    CHECK(in_fish("buzonctl --ra") == Offers{"--raw"});
}

TEST_CASE("zsh offers what the client says, and adds no blank after user=") {
    if (!has_shell("zsh")) return;
    const Home home;
    const std::string file = buzon::test::source_directory() + "/src/client/completion.zsh";
    // compadd works only within a completion. "+" marks words after which no blank is added.
    const std::string pretended =
        "compdef() {}; compadd() { local mark=; shift 2; [[ $1 == -S ]] && shift 2 && mark=+; shift; "
        "print -rl -- ${^@}$mark; }; ";
    const auto in_zsh = [&](const std::string& words, int current) {
        const auto end = home.run({"zsh", "-f", "-c",
                                   pretended + "source " + file + "; words=(" + words +
                                       "); CURRENT=" + std::to_string(current) + "; _buzonctl"});
        CAPTURE(words, end.err);
        CHECK(end.code == 0);
        CHECK(end.err.empty());
        return lines_of(end.out);
    };
    CHECK(in_zsh("buzonctl ::1 1111 USER ''", 5).contains("LIST"));
    CHECK(in_zsh("buzonctl unix:/run/x DI", 3).contains("DIRR"));
    CHECK(in_zsh("buzonctl ::1 EVNT us", 4).contains("user=+"));
}

TEST_CASE("bash offers the server's options, from its own help") {
    const auto offered = [](const std::string& words, int current) {
        const auto end = buzon::test::run(
            {"bash", "--norc", "-c",
             "source " + buzon::test::source_directory() + "/src/server/completion.bash; COMP_WORDS=(" +
                 buzon::test::server_program() + ' ' + words + "); COMP_CWORD=" + std::to_string(current) +
                 "; _buzond; printf '%s\\n' \"${COMPREPLY[@]}\""});
        CHECK(end.err.empty());
        return lines_of(end.out);
    };
    CHECK(offered("--mgm", 1) == Offers{"--mgmt-ip", "--mgmt-port", "--mgmt-timeout"});
    CHECK(offered("--default --no-", 2) == Offers{"--no-fsync"});
    CHECK(offered("--sandbox re", 2) == Offers{"require"});
    CHECK(offered("--config ''", 2).empty()); // bash offers files
    const Offers all = offered("-", 1);
    for (const char* option : {"--help", "--port", "--transform", "--timeout", "--verbose"})
        CHECK(all.contains(option));
}
