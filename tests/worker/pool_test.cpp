#include "buzon/worker/pool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <vector>

#include "buzon/posix/datagram.h"
#include "buzon/posix/io.h"
#include "buzon/worker/serve.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/second_life.h"
#include "support/starter.h"

// The errno with which sendmsg(2) fails in this process; 0: it works.
static int send_error = 0;

extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    if (send_error != 0) {
        errno = send_error;
        return -1;
    }
    return ::syscall(SYS_sendmsg, socket, message, flags);
}

using namespace buzon::worker;
using namespace std::chrono_literals;
using buzon::event::EventLoop;
using buzon::posix::UniqueFd;
using buzon::test::Starting;

namespace {

enum Kind : std::uint8_t {
    echo,
    die,
    die_once,
    sleep_for_ever,
    work_for_ever,
    nap,
    count_letters_of_fd,
    give_fd,
    my_pid,
    forge
};

// Answers with a large body in this descriptor, as send_message() does (worker/message.cpp). Then it lives as long as
// the pool does.
[[noreturn]] void answer_in(const UniqueFd& large) {
    std::array<std::uint8_t, 3> head{0, 0, 1};
    const iovec part{head.data(), head.size()};
    const int number = large.get();
    (void)buzon::posix::send_datagram(worker_socket, {&part, 1}, {&number, 1});
    pollfd pool{worker_socket, 0, 0};
    (void)::poll(&pool, 1, -1);
    ::_exit(0);
}

int worker_process() {
    return serve([](Request request) -> Reply {
        switch (request.kind) {
        case die: ::raise(SIGKILL); break;
        case die_once: // the file remembers the first life
            if (::lseek(request.fd.get(), 0, SEEK_END) == 0) {
                (void)buzon::posix::write_all(request.fd.get(), "x");
                ::raise(SIGKILL);
            }
            break;
        case work_for_ever:
            for (std::atomic<unsigned> n{0};;) ++n;
        case nap: ::usleep(300'000); break;
        case sleep_for_ever:
            for (;;) ::pause();
        case count_letters_of_fd: {
            char room[64];
            const ssize_t n = ::pread(request.fd.get(), room, sizeof room, 0);
            return {std::to_string(n), {}};
        }
        case give_fd: {
            UniqueFd fd{::memfd_create("given", MFD_CLOEXEC)};
            (void)buzon::posix::write_all(fd.get(), "hello");
            return {"here", std::move(fd)};
        }
        case my_pid: return {std::to_string(::getpid()), {}};
        case forge: {
            if (request.body == "file") answer_in(UniqueFd{::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC)});
            UniqueFd memory{::memfd_create("large", MFD_CLOEXEC)};
            (void)buzon::posix::write_all(memory.get(), "honest");
            if (request.body == "huge") (void)!::ftruncate(memory.get(), off_t{4} << 30); // takes no memory
            answer_in(memory);
        }
        default: break;
        }
        return {std::move(request.body), {}};
    });
}

const buzon::test::SecondLife registered{"test-worker", worker_process};
const buzon::test::SecondLife stillborn{"test-stillborn", [] { return 1; }};

Settings settings(buzon::test::Starting& starting, std::size_t processes = 2) {
    Settings s;
    s.starter = &starting.starter();
    s.max_processes = processes;
    s.time_limit = 120s;
    return s;
}

struct Asked {
    std::optional<Answer> answer;
    Pending pending;
};

void ask(Pool& pool, Asked& asked, Job job) {
    asked.pending = pool.submit(job, [&asked](Answer a) { asked.answer = std::move(a); });
}

void turn_until(EventLoop& loop, auto condition) {
    const auto end = std::chrono::steady_clock::now() + 120s;
    while (!condition() && std::chrono::steady_clock::now() < end) loop.turn(20ms);
    CHECK(condition());
}

// A pool of one worker, which is running.
struct LoneWorker {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting, 1)};

    [[nodiscard]] std::string pid() {
        Asked asked;
        ask(pool, asked, Job{my_pid, "", {}, true});
        turn_until(loop, [&] { return asked.answer.has_value(); });
        REQUIRE(asked.answer);
        CHECK(asked.answer->fate == Fate::answered);
        return asked.answer->body;
    }
    std::string before = pid();
};

std::size_t descriptors() {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
    return n;
}

} // namespace

TEST_CASE("a job is answered by another process, small or large, with or without a descriptor") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting)};
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{96 * 1024}, std::size_t{96 * 1024 + 1}, std::size_t{5'000'000}}) {
        Asked asked;
        ask(pool, asked, Job{echo, std::string(size, 'm'), {}, true});
        CHECK_FALSE(asked.answer.has_value());
        turn_until(loop, [&] { return asked.answer.has_value(); });
        REQUIRE(asked.answer->fate == Fate::answered);
        CHECK(asked.answer->body == std::string(size, 'm'));
    }
    auto file = std::make_shared<const UniqueFd>(::memfd_create("x", MFD_CLOEXEC));
    REQUIRE(!buzon::posix::write_all(file->get(), "seven77"));
    Asked counted;
    ask(pool, counted, Job{count_letters_of_fd, std::string(200'000, 'z'), file, true});
    file.reset(); // the pool has a share in it
    Asked given;
    ask(pool, given, Job{give_fd, "", {}, true});
    turn_until(loop, [&] { return counted.answer && given.answer; });
    CHECK(counted.answer->body == "7");
    REQUIRE(given.answer->fd);
    char room[8];
    CHECK(::pread(given.answer->fd.get(), room, sizeof room, 0) == 5);
}

TEST_CASE("a worker that dies loses its own job and no other") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting, 1)};
    Asked first, second, third;
    ask(pool, first, Job{echo, "a", {}, true});
    ask(pool, second, Job{die, "", {}, true});
    ask(pool, third, Job{echo, "c", {}, true});
    turn_until(loop, [&] { return third.answer.has_value(); });
    CHECK(first.answer->body == "a");
    CHECK(second.answer->fate == Fate::crashed);
    CHECK(third.answer->body == "c");
    CHECK(pool.statistics().crashed == 1);
}

TEST_CASE("a repeatable job survives its worker, with its body and its descriptor, and is done before later jobs") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting, 1)};
    for (const std::size_t size : {std::size_t{6}, std::size_t{200'000}}) {
        CAPTURE(size);
        const auto file = std::make_shared<const UniqueFd>(::memfd_create("x", MFD_CLOEXEC));
        Job job{die_once, std::string(size, 'm'), file, true};
        job.repeatable = true;
        std::vector<char> order;
        Asked lucky, other;
        lucky.pending = pool.submit(job, [&](Answer a) { order.push_back('l'), lucky.answer = std::move(a); });
        other.pending =
            pool.submit(Job{echo, "", {}, true}, [&](Answer a) { order.push_back('o'), other.answer = std::move(a); });
        turn_until(loop, [&] { return lucky.answer && other.answer; });
        CHECK(lucky.answer->fate == Fate::answered);
        CHECK(lucky.answer->body == std::string(size, 'm'));
        CHECK(order == std::vector<char>{'l', 'o'});
    }
    CHECK(pool.statistics().crashed == 2);

    // The second death fails the job, and a job that is given up is not repeated.
    Job deadly{die, "", {}, true};
    deadly.repeatable = true;
    Asked unlucky;
    ask(pool, unlucky, deadly);
    turn_until(loop, [&] { return unlucky.answer.has_value(); });
    CHECK(unlucky.answer->fate == Fate::crashed);
    CHECK(pool.statistics().crashed == 4);
    Asked dropped, after;
    Job endless{sleep_for_ever, "", {}, true};
    endless.repeatable = true;
    ask(pool, dropped, endless);
    dropped.pending.drop();
    ask(pool, after, Job{echo, "after", {}, true});
    turn_until(loop, [&] { return after.answer.has_value(); });
    CHECK_FALSE(dropped.answer.has_value());
    CHECK(pool.statistics().crashed == 4);
}

TEST_CASE("workers killed at any moment lose none of the repeatable jobs") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting, 2)};
    std::vector<Asked> asked(60);
    for (std::size_t i = 0; i < asked.size(); ++i) {
        Job job{i % 20 == 0 ? my_pid : echo, std::to_string(i), {}, true};
        job.repeatable = true;
        asked[i].pending = pool.submit(job, [&, i](Answer a) {
            // The worker dies during the next job that it has been given, or before.
            if (i % 20 == 0 && a.fate == Fate::answered) ::kill(std::stoi(a.body), SIGKILL);
            asked[i].answer = std::move(a);
        });
    }
    turn_until(loop,
               [&] { return std::all_of(asked.begin(), asked.end(), [](auto& a) { return a.answer.has_value(); }); });
    for (std::size_t i = 0; i < asked.size(); ++i) {
        CAPTURE(i);
        CHECK(asked[i].answer->fate == Fate::answered);
        if (i % 20 != 0) CHECK(asked[i].answer->body == std::to_string(i));
    }
}

TEST_CASE("waiting does not count against a job's processor limit, but work does, and the time limit counts both") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Settings s = settings(starting, 1);
    s.processor_limit = 150ms;
    Pool pool{loop, s};
    Asked started, waiting, working;
    ask(pool, started, Job{echo, "", {}, true}); // the cost of a start is not tested here
    turn_until(loop, [&] { return started.answer.has_value(); });
    ask(pool, waiting, Job{nap, "rested", {}, true});
    ask(pool, working, Job{work_for_ever, "", {}, true});
    turn_until(loop, [&] { return waiting.answer && working.answer; });
    CHECK(waiting.answer->fate == Fate::answered);
    CHECK(waiting.answer->body == "rested");
    CHECK(working.answer->fate == Fate::too_late);

    // A worker that neither works nor answers is too late by the clock.
    s.time_limit = 300ms;
    Pool clocked{loop, s};
    Asked stuck;
    ask(clocked, stuck, Job{sleep_for_ever, "", {}, true});
    turn_until(loop, [&] { return stuck.answer.has_value(); });
    CHECK(stuck.answer->fate == Fate::too_late);
}

TEST_CASE("a job that exceeds the time limit ends as too late") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Settings s = settings(starting, 1);
    s.time_limit = 50ms;
    Pool pool{loop, s};
    Asked slow;
    ask(pool, slow, Job{sleep_for_ever, "", {}, true});
    turn_until(loop, [&] { return slow.answer.has_value(); });
    CHECK(slow.answer->fate == Fate::too_late);
}

TEST_CASE("dropped jobs get no answer and do not hold up the next one") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting, 1)};
    Asked slow, queued, next;
    ask(pool, slow, Job{sleep_for_ever, "", {}, true});
    ask(pool, queued, Job{echo, "never", {}, true});
    ask(pool, next, Job{echo, "next", {}, true});
    queued.pending.drop();
    slow.pending.drop();
    turn_until(loop, [&] { return next.answer.has_value(); });
    CHECK(next.answer->body == "next");
    CHECK_FALSE(slow.answer.has_value());
    CHECK_FALSE(queued.answer.has_value());
}

TEST_CASE("dropping a job that must be finished does not kill its worker") {
    LoneWorker worker;
    Asked unheard;
    ask(worker.pool, unheard, Job{echo, "x", {}, false});
    unheard.pending.drop();
    CHECK(worker.pid() == worker.before); // the same process: it was not killed
}

TEST_CASE("a worker that is killed with a dropped job gets no other job, even if it answers before the signal comes") {
    LoneWorker worker;
    const std::vector<pid_t> keeper = buzon::test::children_of(::getpid());
    REQUIRE(keeper.size() == 1);
    REQUIRE(::kill(keeper.front(), SIGSTOP) == 0); // it passes on no signal until it continues
    Asked dropped, after;
    ask(worker.pool, dropped, Job{echo, "x", {}, true});
    dropped.pending.drop();
    ask(worker.pool, after, Job{my_pid, "", {}, true});
    turn_until(worker.loop, [&] { return worker.pool.statistics().done == 2; });
    REQUIRE(::kill(keeper.front(), SIGCONT) == 0);
    turn_until(worker.loop, [&] { return after.answer.has_value(); });
    CHECK(after.answer->fate == Fate::answered);
    CHECK(after.answer->body != worker.before);
}

TEST_CASE("a full queue refuses jobs, and if the program cannot be started its jobs fail") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Settings s = settings(starting, 1);
    s.max_queue = 1;
    Pool pool{loop, s};
    Asked one, two, three;
    ask(pool, one, Job{sleep_for_ever, "", {}, true});
    ask(pool, two, Job{echo, "", {}, true});
    ask(pool, three, Job{echo, "", {}, true});
    turn_until(loop, [&] { return three.answer.has_value(); });
    CHECK(three.answer->fate == Fate::refused);

    Starting nowhere{loop, "test-worker", "/nonexistent/worker"};
    s.starter = &nowhere.starter();
    Pool hopeless{loop, s};
    Asked lost;
    ask(hopeless, lost, Job{echo, "", {}, true});
    turn_until(loop, [&] { return lost.answer.has_value(); });
    CHECK(lost.answer->fate == Fate::crashed);
}

TEST_CASE("while every new worker dies before its first job, few are started and most jobs are refused") {
    EventLoop loop;
    Starting starting{loop, "test-stillborn"};
    Pool pool{loop, settings(starting)};
    std::size_t refused = 0;
    for (int i = 0; i < 200; ++i) {
        Asked asked;
        Job job{echo, "a", {}, true};
        job.repeatable = true;
        ask(pool, asked, job);
        turn_until(loop, [&] { return asked.answer.has_value(); });
        CHECK(asked.answer->fate != Fate::answered);
        refused += asked.answer->fate == Fate::refused ? 1u : 0u;
    }
    CHECK(refused > 100);
    CHECK(pool.statistics().started < 50);
}

TEST_CASE("a hundred jobs on three workers are all answered and leave no descriptor behind") {
    const std::size_t before = descriptors();
    {
        EventLoop loop;
        Starting starting{loop, "test-worker"};
        Pool pool{loop, settings(starting, 3)};
        std::vector<Asked> asked(100);
        for (std::size_t i = 0; i < asked.size(); ++i) ask(pool, asked[i], Job{echo, std::to_string(i), {}, true});
        turn_until(loop, [&] {
            return std::all_of(asked.begin(), asked.end(), [](auto& a) { return a.answer.has_value(); });
        });
        for (std::size_t i = 0; i < asked.size(); ++i) CHECK(asked[i].answer->body == std::to_string(i));
        CHECK(pool.statistics().processes == 3);
    } // the workers see the end of their sockets
    CHECK(descriptors() == before);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
}

TEST_CASE("idle workers exit, except for one, and are started again when there is work") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Settings few = settings(starting, 4);
    few.idle_limit = 100ms;
    Pool pool{loop, few};
    const std::size_t before = descriptors();
    for (int round = 0; round < 2; ++round) {
        std::vector<Asked> asked(4);
        for (Asked& one : asked) ask(pool, one, Job{nap, "", {}, true});
        CHECK(pool.statistics().processes == 4);
        turn_until(loop, [&] {
            return std::all_of(asked.begin(), asked.end(), [](const Asked& a) { return a.answer.has_value(); });
        });
        for (const Asked& one : asked) CHECK(one.answer->fate == Fate::answered);
        turn_until(loop, [&] { return pool.statistics().processes == 1; });
        CHECK(descriptors() == before + 1); // the last one's socket
    }
    const auto end = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < end) loop.turn(20ms);
    CHECK(pool.statistics().processes == 1);
    CHECK(pool.statistics().crashed == 0);
    Asked last;
    ask(pool, last, Job{echo, "a", {}, true});
    turn_until(loop, [&] { return last.answer.has_value(); });
    CHECK(last.answer->body == "a");
}

TEST_CASE("jobs that cannot be sent to any worker are refused after a few tries and few new workers") {
    for (const int error : {ENOBUFS, ENOMEM, EPIPE}) {
        CAPTURE(error);
        EventLoop loop;
        Starting starting{loop, "test-worker"};
        Pool pool{loop, settings(starting, 2)};
        Asked before;
        ask(pool, before, Job{echo, "before", {}, true});
        turn_until(loop, [&] { return before.answer.has_value(); });
        send_error = error;
        std::vector<Asked> asked(20);
        for (Asked& one : asked) {
            Job job{echo, "x", {}, true};
            job.repeatable = true;
            ask(pool, one, job);
            CHECK_FALSE(one.answer); // the answer comes from the loop
        }
        turn_until(loop, [&] {
            return std::all_of(asked.begin(), asked.end(), [](const Asked& a) { return a.answer.has_value(); });
        });
        for (const Asked& one : asked) CHECK(one.answer->fate == Fate::refused);
        CHECK(pool.statistics().queued == 0);
        const std::uint64_t started = pool.statistics().started;
        CHECK(started <= (error == EPIPE ? 7 : 1)); // while the kernel has no memory, the worker stays

        // In the pause that follows no job waits, and nothing is tried.
        Asked later;
        ask(pool, later, Job{echo, "x", {}, true});
        turn_until(loop, [&] { return later.answer.has_value(); });
        CHECK(later.answer->fate == Fate::refused);
        CHECK(pool.statistics().started <= started + 1); // on a slow machine the pause may be over

        send_error = 0;
        Asked again;
        turn_until(loop, [&] {
            if (again.answer && again.answer->fate == Fate::refused) again = {};
            if (!again.pending.waiting() && !again.answer) ask(pool, again, Job{echo, "again", {}, true});
            return again.answer && again.answer->fate == Fate::answered;
        });
        CHECK(again.answer->body == "again");
        Asked last; // and at once from then on
        ask(pool, last, Job{echo, "last", {}, true});
        turn_until(loop, [&] { return last.answer.has_value(); });
        CHECK(last.answer->fate == Fate::answered);
    }
}

TEST_CASE("workers that are killed while idle lose no job") {
    EventLoop loop;
    Starting starting{loop, "test-worker"};
    Pool pool{loop, settings(starting, 8)};
    std::vector<Asked> asked(8);
    for (Asked& one : asked) ask(pool, one, Job{nap, "", {}, true});
    turn_until(loop,
               [&] { return std::all_of(asked.begin(), asked.end(), [](auto& a) { return a.answer.has_value(); }); });
    std::vector<Asked> numbers(8);
    for (Asked& one : numbers) ask(pool, one, Job{my_pid, "", {}, true});
    turn_until(loop, [&] {
        return std::all_of(numbers.begin(), numbers.end(), [](auto& a) { return a.answer.has_value(); });
    });
    for (const Asked& one : numbers) {
        const pid_t pid = std::stoi(one.answer->body);
        if (::kill(pid, SIGKILL) != 0) continue; // it answered two of these
        CHECK(buzon::test::eventually([pid] {
            const char state = buzon::test::state_of(pid);
            return state == 0 || state == 'Z';
        }));
    }
    Asked next; // before the loop has noticed any death
    ask(pool, next, Job{echo, "next", {}, true});
    turn_until(loop, [&] { return next.answer.has_value(); });
    CHECK(next.answer->fate == Fate::answered);
}

TEST_CASE("a worker whose large answer is no file in memory, or is too large, counts as crashed") {
    for (const char* what : {"memory", "file", "huge"}) {
        CAPTURE(what);
        EventLoop loop;
        Starting starting{loop, "test-worker"};
        Pool pool{loop, settings(starting, 1)};
        Asked asked;
        ask(pool, asked, Job{forge, what, {}, true});
        turn_until(loop, [&] { return asked.answer.has_value(); });
        const bool honest = std::string_view{what} == "memory";
        CHECK(asked.answer->fate == (honest ? Fate::answered : Fate::crashed));
        CHECK(asked.answer->body == (honest ? "honest" : ""));
    }
}
