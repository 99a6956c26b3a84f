#include "buzon/login/checkpassword_run.h"

#include <unistd.h>

#include <memory>
#include <vector>

#include "support/catch.h"
#include "support/process.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

struct Asked {
    bool told = false;
    auth::Verdict verdict = auth::Verdict::unknown;
    std::string why;
};

// Asks once and waits for the answer.
Asked ask(event::EventLoop& loop, login::CheckpasswordPool& pool, const std::string& user,
          const std::string& password) {
    Asked asked;
    login::CheckpasswordRun run{pool, auth::checkpassword_message(user, password).value(),
                                [&](auth::Verdict verdict, std::string why) {
                                    asked = {true, verdict, std::move(why)};
                                }};
    CHECK_FALSE(asked.told);
    while (!asked.told) loop.turn(100ms);
    return asked;
}

} // namespace

TEST_CASE("a checkpassword program reads descriptor 3 to its end and its exit code decides") {
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
    login::CheckpasswordPool pool{loop, program};
    CHECK(ask(loop, pool, "ana", "right").verdict == auth::Verdict::right);
    CHECK(ask(loop, pool, "ana", "wrong").verdict == auth::Verdict::wrong);
    CHECK(ask(loop, pool, "ana", "busy").verdict == auth::Verdict::unknown);
    CHECK(ask(loop, pool, "ana", "busy").why == "exit code 111");
    CHECK(ask(loop, pool, "ana", "crash").why.starts_with("ended by signal"));
    CHECK(pool.running() == 0);
}

TEST_CASE("a checkpassword program that cannot be started is a trouble that passes") {
    event::EventLoop loop;
    login::CheckpasswordPool pool{loop, "/nonexistent/checkpassword"};
    const Asked asked = ask(loop, pool, "ana", "right");
    CHECK(asked.verdict == auth::Verdict::unknown);
    CHECK(asked.why.find("/nonexistent/checkpassword") == 0);
}

TEST_CASE("more questions than may run at once are all answered, and one given up ends its program") {
    test::TempDirectory directory;
    const std::string program = directory.script("check", "cat <&3 >/dev/null; exit 1");
    event::EventLoop loop;
    login::CheckpasswordPool pool{loop, program};
    int told = 0;
    std::vector<std::unique_ptr<login::CheckpasswordRun>> runs;
    for (int i = 0; i < 40; ++i) {
        runs.push_back(std::make_unique<login::CheckpasswordRun>(
            pool, auth::checkpassword_message("ana", "x").value(),
            [&](auth::Verdict verdict, std::string) { told += verdict == auth::Verdict::wrong; }));
    }
    runs.pop_back();
    while (told < 39) loop.turn(100ms);
    CHECK(pool.running() == 0);

    const std::string pid_file = directory / "pid";
    const std::string sleeper = directory.script("sleep", "echo $$ > " + pid_file + "; sleep 1000; exit 0");
    login::CheckpasswordPool slow{loop, sleeper};
    auto run =
        std::make_unique<login::CheckpasswordRun>(slow, auth::checkpassword_message("ana", "x").value(),
                                                  [](auth::Verdict, std::string) { FAIL("nobody asks any more"); });
    while (slow.running() == 0) loop.turn(10ms);
    run.reset();
    CHECK(slow.running() == 0);
    CHECK(test::eventually([&] {
        loop.turn(10ms);
        return test::children_of(::getpid()).empty();
    }));
}
