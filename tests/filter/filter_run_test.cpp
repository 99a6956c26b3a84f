#include "buzon/filter/filter_run.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "buzon/filter/filter_queue.h"
#include "filter_support.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::filter;
using namespace std::chrono_literals;

namespace {

// Reads what arrives, as a delivery would, and records it.
struct Owner final : RunEvents {
    explicit Owner(event::EventLoop& l, Hosts& hosts) : loop{l}, run{std::make_unique<Run>(l, hosts, *this)} {}

    Outcome start(const std::string& text, const std::string& stored = "input\n") {
        const ParsedSpec parsed = FilterSpec::parse(text);
        INFO(parsed.problem);
        REQUIRE(parsed.ok());
        return run->start(parsed.spec, message(stored), {"ana", "uidl-1", "::1"}, limits);
    }
    // Runs these shell commands as a program.
    Outcome start_shell(const std::string& commands, const std::string& stored = "input\n") {
        FilterSpec spec = shell(commands);
        return run->start(spec, message(stored), {"ana", "uidl-1", "::1"}, limits);
    }
    static FilterSpec shell(const std::string& commands) {
        std::string quoted = "'";
        for (const char c : commands) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
        const ParsedSpec parsed = FilterSpec::parse("/bin/sh -c " + quoted + "'");
        REQUIRE(parsed.ok());
        return parsed.spec;
    }
    const Outcome& finish() {
        turn_until(loop, [&] { return ended.has_value(); });
        REQUIRE(ended.has_value());
        return *ended;
    }

    void on_started() override { ++started; }
    void on_output() override {
        ++told;
        if (on_output_do) return on_output_do();
        char piece[1000];
        const posix::Transfer moved = run->read({piece, std::min(sizeof piece, read_at_once)});
        if (moved.what == posix::Moved::some) output.append(piece, moved.bytes);
    }
    void on_ended(const Outcome& outcome) override {
        CHECK_FALSE(ended.has_value());
        CHECK_FALSE(run->running());
        ended = outcome;
        if (on_ended_do) on_ended_do();
    }
    void on_stderr_line(std::string_view line) override {
        lines.emplace_back(line);
        if (on_line_do) on_line_do();
    }

    event::EventLoop& loop;
    Limits limits;
    std::size_t read_at_once = 1000;
    std::unique_ptr<Run> run;
    std::string output;
    std::vector<std::string> lines;
    std::optional<Outcome> ended;
    std::size_t told = 0;
    std::size_t started = 0;
    std::function<void()> on_output_do, on_ended_do, on_line_do;
};

struct Fixture : NothingLeft {
    [[nodiscard]] pid_t host() const { return starter.hosts.back(); }

    std::unique_ptr<Owner> owner = std::make_unique<Owner>(loop, hosts);
};

std::string mail(std::size_t lines) {
    std::string text = "Subject: test\n\n";
    for (std::size_t i = 0; i < lines; ++i) text += "line " + std::to_string(i) + " of the mail\n";
    return text;
}

pid_t number_in(const std::string& file) {
    wait_until([&] { return contents(file).find('\n') != std::string::npos; });
    return static_cast<pid_t>(std::atoi(contents(file).c_str()));
}

long resident_pages() {
    long size = 0;
    long resident = 0;
    std::istringstream{contents("/proc/self/statm")} >> size >> resident;
    return resident;
}

} // namespace

TEST_CASE_METHOD(Fixture, "a message passes through a program") {
    REQUIRE(owner->start("/usr/bin/sed:s/e/x/g", "Receptor\nsee\n").ok());
    CHECK(owner->run->running());
    CHECK(owner->run->processes().size() == 1);
    const Outcome& outcome = owner->finish();
    CHECK(owner->started == 1);
    CHECK(outcome.ok());
    CHECK(outcome.text.empty());
    CHECK(owner->output == "Rxcxptor\nsxx\n");
    CHECK(owner->lines.empty());
}

TEST_CASE_METHOD(Fixture, "a message passes through a chain of programs") {
    const std::string stored = mail(20'000);
    REQUIRE(
        owner->start("/bin/gzip -c | /bin/cat | /usr/bin/base64 | /usr/bin/base64 -d | /bin/gzip -dc", stored).ok());
    CHECK(owner->run->processes().size() == 5);
    CHECK(owner->finish().ok());
    CHECK(owner->output == stored);
}

TEST_CASE_METHOD(Fixture, "octets of any value and a missing last line end pass unchanged") {
    std::string stored = "..\n.\n";
    for (int i = 0; i < 256; ++i) stored += static_cast<char>(i);
    REQUIRE(owner->start("/bin/cat", stored).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == stored);
}

TEST_CASE_METHOD(Fixture, "the same output arrives however little is read at once") {
    owner->read_at_once = GENERATE(values<std::size_t>({1, 2, 7, 999}));
    const std::string stored = mail(100);
    REQUIRE(owner->start("/bin/cat", stored).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == stored);
}

TEST_CASE_METHOD(Fixture, "a program that writes nothing makes an empty message") {
    REQUIRE(owner->start_shell("cat > /dev/null").ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output.empty());
}

TEST_CASE_METHOD(Fixture, "a program need not read its input") {
    REQUIRE(owner->start_shell("echo done", mail(100'000)).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == "done\n");
}

TEST_CASE_METHOD(Fixture, "a program that cannot be started fails, and its chain ends with it") {
    const TemporaryDirectory directory;
    struct Row {
        std::string spec, text;
    };
    const std::string none = directory.path("none");
    const std::string plain = directory.file("plain", "x");
    const std::string bare = directory.file("bare", "echo x\n", 0755);
    for (const Row& row :
         {Row{none, none + ": cannot start: No such file or directory (the file, or its interpreter)"},
          Row{plain, plain + ": cannot start: Permission denied"},
          Row{bare, bare + ": cannot start: Exec format error (a script needs a first line such as #!/bin/sh)"},
          Row{"/bin/cat | /bin/sleep 1000 | " + none,
              none + ": cannot start: No such file or directory (the file, or its interpreter)"}}) {
        Owner own{loop, hosts};
        REQUIRE(own.start(row.spec).ok());
        const Outcome& outcome = own.finish();
        CHECK(outcome.cause == Cause::cannot_start);
        CHECK(outcome.text == row.text);
        CHECK_FALSE(own.run->running());
        CHECK(own.started == 0);
        char piece[10];
        CHECK(own.run->read(piece).what == posix::Moved::end);
    }
}

TEST_CASE_METHOD(Fixture, "a start with too few descriptors fails as a whole, and can be retried") {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    bool refused = false;
    bool started = false;
    const FilterSpec spec = FilterSpec::parse("/bin/cat | /bin/cat").spec;
    // UBSan checks a type through a pipe when it first meets it, and would mistake a full table for a wrong type.
    REQUIRE(owner->run->start(spec, message("text\n"), {}, owner->limits).ok());
    CHECK(owner->finish().ok());
    for (rlim_t room = 0; room < 12; ++room) {
        Owner own{loop, hosts};
        posix::UniqueFd input = message("text\n");
        // One more than the highest number in use, plus `room`: all numbers below are taken in this process.
        rlimit tight = before;
        tight.rlim_cur = static_cast<rlim_t>(input.get()) + 1 + room;
        ::setrlimit(RLIMIT_NOFILE, &tight);
        const Outcome outcome = own.run->start(spec, std::move(input), {}, own.limits);
        ::setrlimit(RLIMIT_NOFILE, &before);
        INFO("room for " << room << ": " << outcome.text);
        if (outcome.ok()) {
            started = true;
            CHECK(own.finish().ok());
            CHECK(own.output == "text\n");
        } else {
            refused = true;
            CHECK(outcome.cause == Cause::no_descriptor);
            CHECK(outcome.text.find("Too many open files (") != std::string::npos);
            CHECK(own.run->start(spec, message("text\n"), {}, own.limits).ok()); // it may be tried again
            CHECK(own.finish().ok());
            CHECK(own.output == "text\n");
        }
        turn_until(loop, [&] {
            hosts.end_free_ones();
            return loop.watched() == 0;
        });
    }
    CHECK(refused);
    CHECK(started);
}

TEST_CASE_METHOD(Fixture, "an empty SPEC cannot be started") {
    CHECK(owner->run->start(FilterSpec{}, message("x"), {}, owner->limits).cause == Cause::cannot_start);
}

TEST_CASE_METHOD(Fixture, "an exit status other than 0 is a failure, whenever it comes") {
    struct Row {
        std::string commands;
        int status;
    };
    const Row row = GENERATE(values<Row>({
        {"exit 1", 1},            // before any output
        {"echo some; exit 2", 2}, // after it
        {"cat; exit 3", 3},
        {"head -c 3000000 /dev/zero; exit 4", 4}, // in the middle of it
        {"exec >&-; sleep 0.1; exit 255", 255},   // long after its end
        {"(sleep 1000; echo late) & exit 6", 6},  // with a grandchild holding the pipe
    }));
    REQUIRE(owner->start_shell(row.commands).ok());
    const Outcome& outcome = owner->finish();
    CHECK(outcome.cause == Cause::exit_status);
    CHECK(outcome.text == "/bin/sh: exit status " + std::to_string(row.status));
}

TEST_CASE_METHOD(Fixture, "a program that is killed has failed") {
    const int number = GENERATE(SIGKILL, SIGSEGV, SIGPIPE, SIGTERM);
    REQUIRE(owner->start_shell("echo some; kill -" + std::to_string(number) + " $$").ok());
    const Outcome& outcome = owner->finish();
    CHECK(outcome.cause == Cause::signal);
    CHECK(outcome.text == std::string{"/bin/sh: killed by SIG"} + ::sigabbrev_np(number));
}

TEST_CASE_METHOD(Fixture, "a program that uses up its processor time is killed") {
    owner->limits.resources.cpu_seconds = 1;
    REQUIRE(owner->start_shell("while :; do :; done").ok());
    const Outcome& outcome = owner->finish();
    CHECK(outcome.cause == Cause::signal);
    CHECK(outcome.text == "/bin/sh: killed by SIGXCPU (CPU time limit exceeded)");
}

TEST_CASE_METHOD(Fixture, "each member's failure counts") {
    struct Row {
        std::string first, second, how;
    };
    const Row row = GENERATE(values<Row>({
        {"cat; exit 1", "cat", "exit status 1"},
        {"cat", "cat; exit 2", "exit status 2"},
        {"exit 1", "sleep 1000", "exit status 1"}, // the others are not waited for
        {"sleep 1000", "exit 2", "exit status 2"},
        {"cat; kill -9 $$", "cat", "killed by SIGKILL"},
        // The second exits, and the first one's SIGPIPE is not the cause. (A shell in between would turn it into exit
        // status 141.)
        {"exec head -c 9000000 /dev/zero", "exit 2", "exit status 2"},
    }));
    FilterSpec spec = Owner::shell(row.first);
    REQUIRE(spec.append(Owner::shell(row.second)));
    REQUIRE(owner->run->start(spec, message("x\n"), {}, owner->limits).ok());
    const Outcome& outcome = owner->finish();
    CHECK(outcome.text == "/bin/sh: " + row.how);
}

TEST_CASE_METHOD(Fixture, "a member whose reader has read enough has not failed") {
    REQUIRE(owner->start("/bin/cat | /usr/bin/head -n 1", mail(200'000)).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == "Subject: test\n");
}

TEST_CASE_METHOD(Fixture, "a program ends with its exit, not when it closes standard output") {
    const TemporaryDirectory directory;
    const std::string flag = directory.expect("flag");
    REQUIRE(owner->start_shell("echo text; exec >&-; while ! test -e " + flag + "; do sleep 0.01; done").ok());
    turn_until(loop, [&] { return owner->output == "text\n"; });
    for (int i = 0; i < 20; ++i) loop.turn(1ms);
    CHECK_FALSE(owner->ended);
    CHECK(owner->told < 10); // a pipe at its end must not make the loop spin
    std::ofstream{flag};
    CHECK(owner->finish().ok());
    CHECK(owner->output == "text\n");
}

TEST_CASE_METHOD(Fixture, "a grandchild that holds the pipe is not waited for, and does not outlive the run") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("grandchild");
    const std::string commands =
        GENERATE(values<std::string>({"sleep 1000", "while sleep 0.01; do echo more; done", "yes"}));
    REQUIRE(owner->start_shell("echo text; (" + commands + ") & echo $! > " + file).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output.substr(0, 5) == "text\n");
    const pid_t grandchild = number_in(file);
    wait_until([&] { return !process_exists(grandchild); });
    CHECK_FALSE(process_exists(grandchild));
}

TEST_CASE_METHOD(Fixture, "a grandchild that holds the pipe between two programs is not waited for either") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("grandchild");
    // Its group is killed at once; a process that has left it, when the guard next looks, within a second or so.
    const std::string keeps = GENERATE(values<std::string>(
        {"sleep 1000 &", "setsid sleep 1000 & sleep 0.2;", "(while sleep 0.5; do echo more; done) &"}));
    const std::string first = directory.script("first", "echo text; " + keeps + " echo $! > " + file);
    const std::string last = directory.script("last", "cat; echo complaint >&2; echo end");
    REQUIRE(owner->start(first + " | /bin/cat | " + last).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == "text\nend\n");
    CHECK(owner->lines == std::vector<std::string>{"complaint"});
    const pid_t grandchild = number_in(file);
    wait_until([&] { return !process_exists(grandchild); });
    CHECK_FALSE(process_exists(grandchild));
}

TEST_CASE_METHOD(Fixture, "a member that ends before the others does not end them") {
    // They run for longer than the guard takes to look again, and share one standard error.
    const TemporaryDirectory directory;
    const std::string last = directory.script("last", "cat; sleep 2.5; echo late; echo alive >&2");
    REQUIRE(owner->start("/bin/cat | /bin/cat | " + last).ok());
    CHECK(owner->finish().ok());
    CHECK(owner->lines == std::vector<std::string>{"alive"});
    CHECK(owner->output.find("late\n") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "everything a program wrote is read, even if it ended long ago") {
    REQUIRE(owner->start_shell("sleep 1000 & head -c 60000 /dev/zero").ok());
    owner->run->pause();
    for (int i = 0; i < 20; ++i) loop.turn(5ms);
    CHECK_FALSE(owner->ended);
    owner->run->resume();
    owner->run->resume();
    CHECK(owner->finish().ok());
    CHECK(owner->output.size() == 60'000);
}

TEST_CASE_METHOD(Fixture, "a program without progress is asked to end, then killed") {
    owner->limits.without_progress = 50ms;
    owner->limits.between_term_and_kill = 50ms;
    const std::string commands = GENERATE(values<std::string>({
        "sleep 1000",                              // never writes
        "echo text; sleep 1000",                   // goes silent
        "trap '' TERM; while :; do sleep 1; done", // refuses
        "kill -STOP $$",                           // cannot react
        "exec >&-; sleep 1000",
    }));
    REQUIRE(owner->start_shell(commands).ok());
    const Outcome& outcome = owner->finish();
    CHECK(outcome.cause == Cause::time_limit);
    CHECK(outcome.text == "/bin/sh: no progress for 50 ms");
}

TEST_CASE_METHOD(Fixture, "the whole group is asked to end, and a program may clean up") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("tidied");
    const std::string ready = directory.expect("ready");
    owner->limits.without_progress = 50ms;
    owner->limits.between_term_and_kill = 1h;
    REQUIRE(
        owner->start_shell("trap 'echo yes > " + file + "; exit 0' TERM; sleep 1000 & echo $! > " + ready + "; wait")
            .ok());
    owner->run->pause(); // until it is ready
    number_in(ready);
    owner->run->resume();
    CHECK(owner->finish().cause == Cause::time_limit); // then exit 0 is no success
    CHECK(contents(file) == "yes\n");
}

TEST_CASE_METHOD(Fixture, "a program that keeps making progress has no time limit") {
    owner->limits.without_progress = 2s;
    REQUIRE(owner->start_shell("for i in 1 2 3 4 5 6 7 8; do sleep 0.3; echo $i; done").ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == "1\n2\n3\n4\n5\n6\n7\n8\n");
}

TEST_CASE_METHOD(Fixture, "a program that keeps reading has no time limit, the first in a chain or a later one") {
    owner->limits.without_progress = 2s;
    const std::string before = GENERATE(values<std::string>({"", "/bin/cat | "}));
    REQUIRE(owner
                ->start(before + "/bin/sh -c 'while read -r line; do sleep 0.3; done; echo read'",
                        "1\n2\n3\n4\n5\n6\n7\n8\n")
                .ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == "read\n");
}

TEST_CASE_METHOD(Fixture, "a program that reads and then stalls reaches its time limit, wherever it is in a chain") {
    owner->limits.without_progress = 50ms;
    REQUIRE(owner
                ->start(GENERATE(values<std::string>({"/bin/sh -c 'cat >/dev/null; sleep 1000'",
                                                      "/bin/cat | /bin/sleep 1000",
                                                      "/bin/cat | /bin/sh -c 'exec </dev/null; sleep 1000'"})),
                        "text\n")
                .ok());
    CHECK(owner->finish().cause == Cause::time_limit);
}

TEST_CASE_METHOD(Fixture, "a slow client is not held against the program") {
    owner->limits.without_progress = 1500ms;
    const std::string stored = mail(200'000); // more than the pipe holds
    REQUIRE(owner->start("/bin/cat", stored).ok());
    owner->run->pause();
    const event::Instant begin = loop.now();
    while (loop.now() < begin + 2s) loop.turn(100ms);
    CHECK_FALSE(owner->ended);
    CHECK(owner->told == 0);
    owner->run->resume();
    CHECK(owner->finish().ok());
    CHECK(owner->output == stored);
}

TEST_CASE_METHOD(Fixture, "the time limit runs again once the client reads on") {
    owner->limits.without_progress = 50ms;
    REQUIRE(owner->start_shell("sleep 1000").ok());
    owner->run->pause();
    for (int i = 0; i < 20; ++i) loop.turn(10ms);
    CHECK_FALSE(owner->ended);
    owner->run->resume();
    CHECK(owner->finish().cause == Cause::time_limit);
}

TEST_CASE_METHOD(Fixture, "the standard error of all members arrives in lines") {
    REQUIRE(owner
                ->start("/bin/sh -c 'cat; echo one >&2' | /bin/sh -c 'cat; printf \"t\\two\\r\\n\\nthr\\033ee\\0\" "
                        ">&2; exit 1'")
                .ok());
    CHECK(owner->finish().cause == Cause::exit_status);
    CHECK(owner->lines == std::vector<std::string>{"one", "t wo", "thr?ee?"});
}

TEST_CASE_METHOD(Fixture, "standard error is bounded, and never stops the program") {
    owner->limits.stderr_lines = 3;
    owner->limits.stderr_line_octets = 10;
    REQUIRE(owner->start_shell("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; seq 1000 >&2; echo done").ok());
    CHECK(owner->finish().ok());
    CHECK(owner->output == "done\n");
    CHECK(owner->lines == std::vector<std::string>{"xxxxxxxxxx...", "1", "2", "(998 more lines not shown)"});
}

TEST_CASE_METHOD(Fixture, "a program that closes standard error does not make the loop spin") {
    REQUIRE(owner->start_shell("exec 2>&-; sleep 0.2; echo text").ok());
    for (int turns = 0; turns < 50 && !owner->ended; ++turns) loop.turn(std::chrono::minutes{1});
    REQUIRE(owner->ended);
    CHECK(owner->ended->ok());
}

TEST_CASE_METHOD(Fixture, "an abandoned run is killed at once, with everything that belongs to it") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("grandchild");
    REQUIRE(owner->start_shell("sleep 1000 & echo $! > " + file + "; cat; wait").ok());
    const pid_t grandchild = number_in(file);
    turn_until(loop, [&] { return owner->started == 1; });
    const pid_t program = owner->run->processes().front();
    SECTION("by abandon()") {
        owner->run->abandon();
        owner->run->abandon();
        owner->run->resume();
        CHECK_FALSE(owner->run->running());
        CHECK(owner->run->processes().empty());
    }
    SECTION("by destruction") {
        owner->run.reset();
    }
    SECTION("while paused") {
        owner->run->pause();
        owner->run->abandon();
    }
    wait_until([&] { return !process_exists(grandchild) && !process_exists(program); });
    CHECK_FALSE(process_exists(grandchild));
    CHECK_FALSE(process_exists(program));
    for (int i = 0; i < 5; ++i) loop.turn(1ms);
    CHECK_FALSE(owner->ended);
    CHECK(owner->told <= 1);
}

TEST_CASE_METHOD(Fixture, "a run may be destroyed or abandoned inside each of its callbacks") {
    const bool destroy = GENERATE(true, false);
    const auto leave = [&] {
        if (destroy) {
            owner->run.reset();
        } else {
            owner->run->abandon();
        }
    };
    SECTION("at output") {
        owner->on_output_do = leave;
    }
    SECTION("at a line of standard error") {
        owner->on_line_do = leave;
    }
    SECTION("at the end") {
        owner->on_ended_do = leave;
    }
    SECTION("after reading to the end") {
        owner->on_output_do = [&] {
            char piece[1000];
            if (owner->run->read(piece).what != posix::Moved::some) leave();
        };
    }
    REQUIRE(owner->start_shell("echo one >&2; echo two >&2; echo text; exec 2>&- >&-; cat >/dev/null; exit 1").ok());
    turn_until(loop, [&] { return !owner->run || !owner->run->running(); });
    CHECK((!owner->run || !owner->run->running()));
    CHECK(owner->lines.size() <= 2);
}

TEST_CASE_METHOD(Fixture, "the callback for a line that arrives with the end may destroy the run") {
    bool seen = false;
    owner->on_line_do = [&] {
        seen = true;
        owner->run.reset();
    };
    REQUIRE(owner->start_shell("printf 'no line end' >&2; exit 1").ok());
    turn_until(loop, [&] { return seen; });
    CHECK(seen);
    CHECK_FALSE(owner->ended);
}

TEST_CASE_METHOD(Fixture, "a failed read of the output fails the run, even if all programs succeed") {
    for (const std::string chain : {"/bin/cat", "/bin/cat | /bin/cat"}) {
        CAPTURE(chain);
        owner = std::make_unique<Owner>(loop, hosts);
        bool failed = false;
        owner->on_output_do = [&] {
            char piece[100];
            // The second read goes to an address that cannot be written to.
            char* const into = owner->output.empty() ? piece : reinterpret_cast<char*>(std::uintptr_t{1});
            const posix::Transfer moved = owner->run->read({into, sizeof piece});
            if (moved.what == posix::Moved::some) owner->output.append(piece, moved.bytes);
            failed = failed || moved.what == posix::Moved::failed;
        };
        REQUIRE(owner->start(chain, mail(100)).ok());
        const Outcome& outcome = owner->finish();
        CHECK(failed);
        CHECK(owner->output.size() == 100);
        CHECK(outcome.cause == Cause::system);
        CHECK(outcome.text == "output of /bin/cat: Bad address");
    }
}

TEST_CASE_METHOD(Fixture, "a gigabyte reaches a reader that keeps pausing, in constant memory") {
    const long before = resident_pages();
    long most = before;
    std::uint64_t octets = 0;
    std::vector<char> buffer(256 * 1024);
    int pieces = 0;
    owner->on_output_do = [&] {
        const posix::Transfer moved = owner->run->read(buffer);
        if (moved.what == posix::Moved::some) octets += moved.bytes;
        if (++pieces % 64 == 0) {
            owner->run->pause();
            most = std::max(most, resident_pages());
        }
    };
    REQUIRE(owner->start("/usr/bin/head -c 1073741824 /dev/zero").ok());
    turn_until(loop, [&] {
        owner->run->resume();
        return owner->ended.has_value();
    });
    REQUIRE(owner->ended);
    CHECK(owner->ended->ok());
    CHECK(octets == 1073741824);
    CHECK(most - before < 8192); // 32 MiB for a gigabyte, including what a sanitizer keeps
}

TEST_CASE_METHOD(Fixture, "two hundred runs in a queue of four all end, never more than four at once") {
    struct Client final : TicketHandler {
        Client(Fixture& f, Queue& q, std::size_t& d) : fixture{f}, queue{q}, done{d} {}
        void begin(const std::string& user) {
            if (queue.enter(ticket, user) == Queue::Entry::now) on_turn(ticket);
        }
        void on_turn(Ticket&) override {
            owner.on_ended_do = [this] {
                ticket.release();
                ++done;
            };
            REQUIRE(owner.start("/usr/bin/tr a-z A-Z", "hello\n").ok());
            CHECK(queue.running() <= 4);
        }
        void on_patience_lost(Ticket&) override { FAIL("nobody waits that long"); }
        Fixture& fixture;
        Queue& queue;
        std::size_t& done;
        Owner owner{fixture.loop, fixture.hosts};
        Ticket ticket{*this};
    };
    std::size_t done = 0;
    Queue queue{loop, {4, 1000, 1h}};
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(std::make_unique<Client>(*this, queue, done));
        clients.back()->begin("user" + std::to_string(i % 7));
    }
    turn_until(loop, [&] { return done == clients.size(); });
    CHECK(done == 200);
    for (const auto& client : clients) {
        CHECK(client->owner.ended->ok());
        CHECK(client->owner.output == "HELLO\n");
    }
    CHECK(queue.running() == 0);
}
