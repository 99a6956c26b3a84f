#include "buzon/event/event_loop.h"

#include <sys/mman.h>

#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "buzon/posix/io.h"
#include "support/catch.h"

using namespace buzon::event;
using namespace std::chrono_literals;
using buzon::posix::make_pipe;
using buzon::posix::Pipe;
using buzon::posix::UniqueFd;

namespace {

struct Listener final : Handler {
    std::function<void(std::uint32_t)> then = [](std::uint32_t) {};
    int calls = 0;
    void on_ready(std::uint32_t events) override {
        ++calls;
        then(events);
    }
};

struct Job final : Task {
    std::function<void()> then = [] {};
    int runs = 0;
    void run() override {
        ++runs;
        then();
    }
};

Pipe filled_pipe() {
    Pipe pipe = std::move(make_pipe(true)).value();
    REQUIRE(::write(pipe.write_end.get(), "x", 1) == 1);
    return pipe;
}

} // namespace

TEST_CASE("a handler that stops another watch also stops that watch's event in the same batch") {
    EventLoop loop;
    Pipe one = filled_pipe();
    Pipe two = filled_pipe();
    Listener first;
    Listener second;
    Watch first_watch;
    Watch second_watch;
    REQUIRE(!first_watch.start(loop, one.read_end.get(), EPOLLIN, first));
    REQUIRE(!second_watch.start(loop, two.read_end.get(), EPOLLIN, second));
    first.then = [&](auto) {
        second_watch.stop();
        first_watch.stop();
    };
    second.then = first.then;
    loop.turn(0ms);
    CHECK(first.calls + second.calls == 1);
    CHECK(loop.watched() == 0);
}

TEST_CASE("a slot and a descriptor number that are reused in the same batch do not get the old event") {
    EventLoop loop;
    Pipe one = filled_pipe();
    Pipe two = filled_pipe();
    Listener old_one;
    Listener newcomer;
    Watch watches[2];
    Watch fresh;
    Pipe quiet;
    auto replace = [&](auto) {
        if (fresh.active()) return;
        for (Watch& watch : watches) watch.stop();
        one.read_end.reset();
        two.read_end.reset();
        quiet = std::move(make_pipe(true)).value(); // takes the numbers that were just freed
        REQUIRE(!fresh.start(loop, quiet.read_end.get(), EPOLLIN, newcomer));
    };
    old_one.then = replace;
    REQUIRE(!watches[0].start(loop, one.read_end.get(), EPOLLIN, old_one));
    REQUIRE(!watches[1].start(loop, two.read_end.get(), EPOLLIN, old_one));
    loop.turn(0ms);
    CHECK(old_one.calls == 1);
    CHECK(newcomer.calls == 0);
}

TEST_CASE("closing a watched descriptor ends the watch, and events of a child's copy are dropped") {
    EventLoop loop;
    Pipe one = filled_pipe();
    const UniqueFd copy{::dup(one.read_end.get())}; // like a child's, for a moment
    Listener old_one;
    Listener newcomer;
    Watch watch;
    Watch fresh;
    REQUIRE(!watch.start(loop, one.read_end.get(), EPOLLIN, old_one));
    watch.close(one.read_end);
    CHECK_FALSE(one.read_end);
    CHECK_FALSE(watch.active());
    CHECK(loop.watched() == 0);
    loop.turn(0ms);
    Pipe two = std::move(make_pipe(true)).value(); // reuses the number and the slot
    REQUIRE(!fresh.start(loop, two.read_end.get(), EPOLLIN, newcomer));
    loop.turn(0ms);
    CHECK(old_one.calls + newcomer.calls == 0);
    REQUIRE(::write(two.write_end.get(), "x", 1) == 1);
    loop.turn(0ms);
    CHECK(newcomer.calls == 1);
    watch.close(two.write_end); // the watch is not started: closes only the descriptor
    CHECK_FALSE(two.write_end);
}

TEST_CASE("watching a regular file fails with EPERM") {
    EventLoop loop;
    UniqueFd file{::memfd_create("x", MFD_CLOEXEC)};
    Listener listener;
    Watch watch;
    CHECK(watch.start(loop, file.get(), EPOLLIN, listener).value() == EPERM);
    CHECK_FALSE(watch.active());
    CHECK(loop.watched() == 0);
}

TEST_CASE("a watch without interest gets no event until its interest is widened") {
    EventLoop loop;
    Pipe pipe = filled_pipe();
    Listener listener;
    Watch watch;
    REQUIRE(!watch.start(loop, pipe.read_end.get(), 0, listener));
    loop.turn(0ms);
    CHECK(listener.calls == 0);
    watch.interest(EPOLLIN);
    loop.turn(0ms);
    CHECK(listener.calls == 1);
    CHECK(watch.interest() == EPOLLIN);
}

TEST_CASE("a task runs once, in the next turn, and one that schedules itself again runs in the turn after") {
    EventLoop loop;
    Job job;
    job.then = [&] { loop.next_turn(job); };
    loop.next_turn(job);
    loop.next_turn(job);
    loop.turn(0ms);
    CHECK(job.runs == 1);
    loop.turn(0ms);
    CHECK(job.runs == 2);
}

TEST_CASE("a task that was cancelled, or destroyed by another, does not run") {
    EventLoop loop;
    Job killer;
    auto victim = std::make_unique<Job>();
    Job cancelled;
    killer.then = [&] { victim.reset(); };
    loop.next_turn(killer);
    loop.next_turn(*victim);
    loop.next_turn(cancelled);
    cancelled.cancel();
    loop.turn(0ms);
    CHECK(killer.runs == 1);
    CHECK(cancelled.runs == 0);
}

TEST_CASE("a task may outlive its loop") {
    Job job;
    {
        EventLoop loop;
        loop.next_turn(job);
    }
    CHECK_FALSE(job.pending());
}

TEST_CASE("the loop does not wait while a task is pending") {
    EventLoop loop;
    Job job;
    loop.next_turn(job);
    loop.turn(std::chrono::hours{1}); // would hang if it did
    CHECK(job.runs == 1);
}

TEST_CASE("handlers, timers and tasks that run out of memory are called again, and the others go on") {
    struct Poor final : Handler, TimerHandler, Task {
        void on_ready(std::uint32_t) override { work(); }
        void on_timer(Timer&) override { work(); }
        void run() override { work(); }
        void work() {
            if (--left == 2) throw std::bad_alloc{};
            if (left == 1) throw std::length_error{"too long"};
            watch.stop();
            ++done;
        }
        int left = 3; // throws twice, then succeeds
        int done = 0;
        Watch watch;
        Timer timer{*this};
    };
    EventLoop loop;
    Poor ready, late, put_off, other_task;
    other_task.left = 1;
    const Pipe pipe = filled_pipe();
    REQUIRE(!ready.watch.start(loop, pipe.read_end.get(), EPOLLIN, ready));
    late.timer.arm(loop.timers(), Clock::now());
    loop.next_turn(put_off);
    loop.next_turn(other_task);
    loop.turn(0ms);
    loop.turn(0ms);
    CHECK(other_task.done == 1);
    CHECK_FALSE(other_task.pending());
    CHECK(put_off.pending());
    CHECK(late.timer.armed());
    CHECK(ready.done == 0);
    loop.turn(0ms);
    CHECK(ready.done == 1);
    CHECK(put_off.done == 1);
    CHECK_FALSE(put_off.pending());
    loop.timers().expire(Clock::now() + 1min);
    CHECK(late.done == 0);
    loop.timers().expire(Clock::now() + 1h);
    CHECK(late.done == 1);
    CHECK_FALSE(late.timer.armed());
    CHECK(loop.take_statistics().without_memory == 5); // in turn(); expire() returns its own to its caller
}

TEST_CASE("a call that ran out of memory is not repeated if it is destroyed, cancelled or has rescheduled itself") {
    EventLoop loop;
    struct Gone final : TimerHandler, Task {
        explicit Gone(EventLoop& l) : loop{l} {}
        void on_timer(Timer& timer) override {
            ++calls;
            if (what == 't') timer.arm(loop.timers(), Clock::now() + 1h);
            if (what == 'd') own.reset();
            throw std::bad_alloc{};
        }
        void run() override {
            ++calls;
            CHECK_FALSE(pending());
            if (what == 't') loop.next_turn(*this);
            if (what == 'c') cancel();
            throw std::bad_alloc{};
        }
        EventLoop& loop;
        char what = 0;
        int calls = 0;
        std::unique_ptr<Timer> own = std::make_unique<Timer>(*this);
    };
    Gone again{loop}, cancelled{loop}, destroyed{loop};
    again.what = 't', cancelled.what = 'c', destroyed.what = 'd';
    again.own->arm(loop.timers(), Clock::now());
    destroyed.own->arm(loop.timers(), Clock::now());
    const Instant deadline = Clock::now() + 30min;
    loop.timers().expire(Clock::now());
    CHECK(again.own->deadline() > deadline);
    CHECK(loop.timers().size() == 1);
    loop.next_turn(again);
    loop.next_turn(cancelled);
    loop.turn(0ms);
    CHECK(again.pending());
    CHECK_FALSE(cancelled.pending());
    CHECK(cancelled.calls == 1);
    struct Ends final : Task {
        void run() override {
            delete this;
            throw std::bad_alloc{};
        }
    };
    loop.next_turn(*new Ends);
    loop.turn(0ms);
    loop.turn(0ms);
}
