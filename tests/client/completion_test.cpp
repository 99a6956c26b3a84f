// The completion file in bash itself: what Tab offers behind the words that were typed.
#include <set>
#include <sstream>

#include "../../src/client/commands.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/programs.h"

namespace {

// The offers for the last of the words, as bash would call for them.
std::set<std::string> offers(const std::vector<std::string>& words) {
    std::string typed = "buzonctl", pieces = "buzonctl";
    for (const std::string& word : words) {
        typed += ' ' + word;
        pieces += " '";
        for (std::size_t i = 0; i < word.size(); ++i) { // bash cuts words around colons
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
    std::set<std::string> found;
    std::istringstream lines{end.out};
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) found.insert(line);
    return found;
}

using Offers = std::set<std::string>;

} // namespace

TEST_CASE("bash offers options, the usual place, and every command the client knows") {
    CHECK(offers({"--"}) == Offers{"--raw", "--json", "--auth", "--help", "--version"});
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

TEST_CASE("bash offers what may stand behind a command") {
    CHECK(offers({"127.0.0.1", "1111", "USER", ""}) == Offers{"ADD", "DEL", "LIST", "PASS"});
    CHECK(offers({"127.0.0.1", "1111", "LOGG", "F"}) == Offers{"FOLLOW"});
    CHECK(offers({"127.0.0.1", "1111", "EVNT", "login", "auth"}) == Offers{"auth-fail"});
    CHECK(offers({"127.0.0.1", "1111", "plot", "messages", ""}) == Offers{"minute", "hour", "day", "week"});
    CHECK(offers({"127.0.0.1", "1111", "HIST", "hist"}) == Offers{"historic"});
    CHECK(offers({"127.0.0.1", "1111", "NOOP", ""}).empty());
    CHECK(offers({"hash", "SCR"}) == Offers{"SCRAM-SHA-256"});
}
