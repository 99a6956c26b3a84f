#include "buzon/login/line_programs.h"

#include "buzon/login/program_answers.h"
#include "support/catch.h"
#include "support/forking_starter.h"
#include "support/mail.h"
#include "support/process.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;
using login::LinePrograms;

namespace {

// Programs that answer questions, and their event loop.
struct Programs {
    explicit Programs(const std::string& script) {
        all.use(filter::FilterSpec::parse(directory.script("program", script)).spec);
    }
    // Asks several questions at once; each result is the answer, or "! why".
    std::vector<std::string> ask(const std::vector<std::string>& lines) {
        std::vector<std::string> said(lines.size());
        std::size_t answered = 0;
        std::vector<std::unique_ptr<LinePrograms::Question>> questions;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            questions.push_back(std::make_unique<LinePrograms::Question>(
                all, posix::WipedString{lines[i]}, [&, i](std::string_view answer, const std::string& why) {
                    said[i] = why.empty() ? std::string{answer} : "! " + why;
                    ++answered;
                }));
        }
        CHECK(answered == 0); // never immediately
        while (answered < lines.size()) loop.turn(100ms);
        return said;
    }
    std::string ask(const std::string& line) { return ask(std::vector{line}).front(); }

    test::TempDirectory directory;
    event::EventLoop loop;
    test::ForkingStarter starter;
    filter::Hosts hosts{loop, starter};
    LinePrograms all{loop, hosts, [](std::string_view line) { return line.starts_with("ok") || line == "no"; }};
};

} // namespace

TEST_CASE("a long-running program is started once and answers line by line") {
    Programs programs{R"(
echo started >> "${0%/*}/starts"
while read -r line; do
    case "$line" in
    right*) echo "ok $line" ;;
    *) echo no ;;
    esac
done
)"};
    CHECK(programs.all.running() == 0); // not before the first question
    for (int i = 0; i < 20; ++i) {
        CHECK(programs.ask("right " + std::to_string(i)) == "ok right " + std::to_string(i));
        CHECK(programs.ask("wrong") == "no");
    }
    CHECK(test::read_whole(programs.directory / "starts") == "started\n");
    CHECK(programs.ask("two\nlines").starts_with("! "));
}

TEST_CASE("many questions at once are shared among a few programs, and each gets its own answer") {
    Programs programs{R"(while read -r line; do sleep 0.05; echo "ok $line"; done)"};
    std::vector<std::string> lines;
    for (int i = 0; i < 60; ++i) lines.push_back("q" + std::to_string(i));
    const auto said = programs.ask(lines);
    for (std::size_t i = 0; i < lines.size(); ++i) CHECK(said[i] == "ok " + lines[i]);
    CHECK(programs.all.running() <= LinePrograms::max_programs);
}

TEST_CASE("a program that dies, talks nonsense or writes too much fails its question, and its restart is delayed") {
    for (const std::string script : {"read -r line", "read -r line; echo nonsense; read -r line",
                                     "read -r line; echo 'ok one'; echo 'ok two'; read -r line; read -r line", "exit 3",
                                     "while :; do printf ok; done"}) {
        CAPTURE(script);
        Programs programs{script};
        const std::string first = programs.ask("a question");
        // Two lines at once, or the second a moment later: then the first is an answer, and the next question fails.
        CHECK((first.starts_with("! ") || first == "ok one"));
        if (first == "ok one")
            CHECK(test::eventually([&] {
                programs.loop.turn(10ms);
                return programs.all.running() == 0;
            }));
        // Fails at once while the start is delayed; if it is asked later, a program that answers first answers again.
        const std::string second = programs.ask("another");
        CHECK((second.starts_with("! ") || (first == "ok one" && second == first)));
        if (second != first) CHECK(programs.all.running() == 0);
    }
}

TEST_CASE("a program that failed is started again after a pause") {
    Programs programs{R"(
[ -e "${0%/*}/again" ] || { : > "${0%/*}/again"; exit 1; }
while read -r line; do echo "ok $line"; done
)"};
    CHECK(programs.ask("a").starts_with("! "));
    CHECK(test::eventually([&] { return programs.ask("b") == "ok b"; }));
    CHECK(programs.ask("c") == "ok c");
}

TEST_CASE("several programs that fail together delay the next start only once") {
    Programs programs{R"(
while read -r line; do
    [ -e "${0%/*}/mended" ] || exit 1
    echo "ok $line"
done
)"};
    for (const std::string& said : programs.ask(std::vector<std::string>(LinePrograms::max_programs, "a")))
        CHECK(said.starts_with("! "));
    programs.directory.file("mended", "");
    CHECK(test::eventually([&] { return programs.ask("b") == "ok b"; }, 20s));
}

TEST_CASE("a cancelled question leaves the program to the next one, which gets its own answer") {
    Programs programs{R"(while read -r line; do sleep 0.2; echo "ok $line"; done)"};
    {
        LinePrograms::Question given_up{programs.all, posix::WipedString{"secret"},
                                        [](std::string_view, const std::string&) { FAIL("nobody asks any more"); }};
        CHECK(test::eventually([&] {
            programs.loop.turn(10ms);
            return programs.all.running() == 1;
        }));
    }
    CHECK(programs.ask(std::vector<std::string>{"b", "c"}) == std::vector<std::string>{"ok b", "ok c"});
}

TEST_CASE("setting another program replaces those that run") {
    Programs programs{R"(while read -r line; do echo "ok old"; done)"};
    CHECK(programs.ask("x") == "ok old");
    programs.all.use(
        filter::FilterSpec::parse(programs.directory.script("other", R"(while read -r line; do echo "ok new"; done)"))
            .spec);
    CHECK(programs.ask("x") == "ok new");
    programs.all.use({});
    CHECK_FALSE(programs.all.in_use());
    CHECK(programs.ask("x").starts_with("! "));
}

TEST_CASE("a question to a program that is replaced fails with the name of that program") {
    Programs programs{"sleep 60"};
    std::string why;
    const LinePrograms::Question question{programs.all, posix::WipedString{"q"},
                                          [&](std::string_view, const std::string& said) { why = said; }};
    while (programs.all.running() == 0) programs.loop.turn(100ms);
    programs.all.use(filter::FilterSpec::parse("/other/program").spec);
    while (why.empty()) programs.loop.turn(100ms);
    CHECK(why == programs.directory / "program" + " was replaced by another program");
}

TEST_CASE("programs' answers about passwords and tokens are parsed strictly") {
    using namespace login;
    CHECK(password_question("ana", "pass word", "192.0.2.1") == "YW5h\tcGFzcyB3b3Jk\tMTkyLjAuMi4x");
    CHECK(token_question("ana", "t.1") == "YW5h\tdC4x");
    for (const std::string line : {"ok", "no", "fail", "fail the directory is away", "ok home=/h/ana uid=1000 gid=1000",
                                   "ok uid=0", "ok home=/"})
        CHECK(is_password_answer(line));
    for (const std::string line :
         {"", "OK", "yes", "no way", "ok home=", "ok home=h", "ok home=/a/../b", "ok home=/a/..",
          "ok uid=", "ok uid=-1", "ok uid=x", "ok shell=/bin/sh", "ok  home=/h"})
        CHECK_FALSE(is_password_answer(line));
    CHECK(read_password_answer("ok home=/h/ana uid=7").home == "/h/ana");
    CHECK(read_password_answer("fail the directory is away").why == "the directory is away");
    CHECK(read_password_answer("no").verdict == login::Verdict::wrong);
    for (const std::string line : {"ok ana", "ok ana@example.org", "no invalid_token", "no invalid_token mail imap"})
        CHECK(is_token_answer(line));
    for (const std::string line : {"", "ok", "ok ", "no", "no ", "maybe", "OK ana"}) CHECK_FALSE(is_token_answer(line));
    CHECK(read_token_answer("no insufficient_scope mail imap").scope == "mail imap");
    CHECK(read_token_answer("ok ana").name == "ana");
    const auto home = [](std::string_view environment) { return read_environment(environment).home; };
    CHECK(home({"\0A=1\0HOME=/h\0B=2\0", 17}) == "/h");
    CHECK(home({"HOME=/x\0HOME=/h\0", 16}) == "/h"); // the first was printed by the program itself
    CHECK(home("HOME=/x").empty());
    CHECK(read_environment({"\0HOME=/a\0HOME=/b\0", 17}).verdict == login::Verdict::unknown);
    CHECK(read_environment({"\0HOME=\0", 7}).verdict == login::Verdict::unknown);
    using posix::Ids;
    const auto ids = [](const std::string& records) {
        std::string text = "noise;" + records;
        std::replace(text.begin(), text.end(), ';', '\0');
        return read_environment(text).ids;
    };
    CHECK(ids("Uid:41001;Gid:41002;HOME=/a;") == Ids{41001, 41002});
    CHECK(ids("Uid:0;Gid:0;HOME=/a;") == Ids{}); // root counts as no user
    CHECK(ids("Uid:41001;Gid:0;") == Ids{41001, Ids::unsaid});
    CHECK(ids("HOME=/a;Uid:41001;Gid:41001;") == Ids{}); // a variable with an odd name
    CHECK(ids("Uid:x;Gid:7;") == Ids{});
    CHECK(ids("Uid:41001") == Ids{41001, Ids::unsaid});
    CHECK(ids("") == Ids{});
    CHECK(read_environment("no end of it").ids == Ids{});
}
