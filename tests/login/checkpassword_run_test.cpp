#include "buzon/login/checkpassword_run.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "support/catch.h"
#include "support/forking_starter.h"
#include "support/mail.h"
#include "support/process.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

struct Asked : login::PasswordAnswer {
    bool told = false;
};

filter::FilterSpec spec(const std::string& text) {
    return filter::FilterSpec::parse(text).spec;
}

// Asks once and waits for the answer.
Asked ask(event::EventLoop& loop, login::CheckpasswordPool& pool, const std::string& user,
          const std::string& password) {
    Asked asked;
    login::CheckpasswordRun run{pool, login::checkpassword_message(user, password).value(),
                                [&](const login::PasswordAnswer& answer) {
                                    asked = {answer, true};
                                }};
    CHECK_FALSE(asked.told);
    while (!asked.told) loop.turn(100ms);
    return asked;
}

} // namespace

TEST_CASE("a checkpassword program reads descriptor 3 to its end, and its exit code decides") {
    test::TempDirectory directory;
    const std::string program = directory.script("check", R"(
words=$(tr '\0' '\n' <&3)
case "$words" in
"ana
right") exec "$@" ;;
"ana
busy") exit 111 ;;
"ana
crash") kill -SEGV $$ ;;
esac
exit 1
)");
    event::EventLoop loop;
    test::ForkingStarter starter;
    filter::Hosts hosts{loop, starter};
    login::CheckpasswordPool pool{loop, hosts, spec(program)};
    CHECK(ask(loop, pool, "ana", "right").verdict == login::Verdict::right);
    CHECK(ask(loop, pool, "ana", "wrong").verdict == login::Verdict::wrong);
    CHECK(ask(loop, pool, "ana", "busy").verdict == login::Verdict::unknown);
    CHECK(ask(loop, pool, "ana", "busy").why == "exit code 111");
    CHECK(ask(loop, pool, "ana", "crash").why.starts_with("ended by signal"));
    CHECK(pool.running() == 0);
}

TEST_CASE("a checkpassword program that cannot be started is a temporary failure") {
    event::EventLoop loop;
    test::ForkingStarter starter;
    filter::Hosts hosts{loop, starter};
    login::CheckpasswordPool pool{loop, hosts, spec("/nonexistent/checkpassword")};
    const Asked asked = ask(loop, pool, "ana", "right");
    CHECK(asked.verdict == login::Verdict::unknown);
    CHECK(asked.why.find("/nonexistent/checkpassword") == 0);
}

TEST_CASE("checks beyond the limit are all answered, and cancelling one ends its program") {
    test::TempDirectory directory;
    const std::string program = directory.script("check", "cat <&3 >/dev/null; exit 1");
    event::EventLoop loop;
    test::ForkingStarter starter;
    filter::Hosts hosts{loop, starter};
    login::CheckpasswordPool pool{loop, hosts, spec(program)};
    int told = 0;
    std::vector<std::unique_ptr<login::CheckpasswordRun>> runs;
    for (int i = 0; i < 40; ++i) {
        runs.push_back(std::make_unique<login::CheckpasswordRun>(
            pool, login::checkpassword_message("ana", "x").value(),
            [&](const login::PasswordAnswer& answer) { told += answer.verdict == login::Verdict::wrong; }));
    }
    runs.pop_back();
    while (told < 39) loop.turn(100ms);
    CHECK(pool.running() == 0);

    const std::string pid_file = directory / "pid";
    const std::string sleeper = directory.script("sleep", "echo $$ > " + pid_file + "; sleep 1000; exit 0");
    login::CheckpasswordPool slow{loop, hosts, spec(sleeper)};
    auto run =
        std::make_unique<login::CheckpasswordRun>(slow, login::checkpassword_message("ana", "x").value(),
                                                  [](const login::PasswordAnswer&) { FAIL("nobody asks any more"); });
    CHECK(test::eventually([&] {
        loop.turn(10ms);
        return std::filesystem::exists(pid_file) && std::filesystem::file_size(pid_file) > 0;
    }));
    const pid_t program_pid = std::stoi(test::read_whole(pid_file));
    run.reset();
    CHECK(slow.running() == 0);
    CHECK(test::eventually([&] { return test::state_of(program_pid) == '\0'; }));
}

TEST_CASE("a checkpassword program gets its arguments and a clean environment, and HOME says where the mail is") {
    test::TempDirectory directory;
    ::setenv("BUZON_TEST_SECRET", "geheim", 1);
    const std::string program = directory.script("check", R"sh(
[ "$1 $2" = "one two words" ] || exit 2
shift 2
env | grep -q BUZON_TEST_SECRET && exit 2
echo "noise on standard output"
case "$(tr '\0' '\n' <&3 | sed -n 2p)" in
absolute) HOME=/srv/mail/ana; export HOME ;;
relative) HOME=mail/ana; export HOME ;;
dots) HOME=/srv/../root; export HOME ;;
none) ;;
*) exit 1 ;;
esac
exec "$@"
)sh");
    event::EventLoop loop;
    test::ForkingStarter starter;
    filter::Hosts hosts{loop, starter};
    login::CheckpasswordPool pool{loop, hosts, spec(program + " one 'two words'")};
    CHECK(ask(loop, pool, "ana", "absolute").home == "/srv/mail/ana");
    CHECK(ask(loop, pool, "ana", "none").verdict == login::Verdict::right);
    CHECK(ask(loop, pool, "ana", "none").home.empty());
    CHECK(ask(loop, pool, "ana", "relative").verdict == login::Verdict::unknown);
    CHECK(ask(loop, pool, "ana", "dots").verdict == login::Verdict::unknown);
    CHECK(ask(loop, pool, "ana", "wrong").verdict == login::Verdict::wrong);
    ::unsetenv("BUZON_TEST_SECRET");
}
