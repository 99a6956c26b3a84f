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

TEST_CASE("a handler that stops another's watch also stops the other's event of the same batch") {
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

TEST_CASE("a slot and a descriptor number used again in the same batch do not hear the old one's event") {
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

TEST_CASE("a watch ends with its descriptor, and what a child still holds of that is told to nobody") {
    EventLoop loop;
    Pipe one = filled_pipe();
    const UniqueFd copy{::dup(one.read_end.get())}; // as a child has it for a moment
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
    Pipe two = std::move(make_pipe(true)).value(); // has the number and the slot
    REQUIRE(!fresh.start(loop, two.read_end.get(), EPOLLIN, newcomer));
    loop.turn(0ms);
    CHECK(old_one.calls + newcomer.calls == 0);
    REQUIRE(::write(two.write_end.get(), "x", 1) == 1);
    loop.turn(0ms);
    CHECK(newcomer.calls == 1);
    watch.close(two.write_end); // of a watch that was never started, the descriptor alone
    CHECK_FALSE(two.write_end);
}

TEST_CASE("a regular file cannot be watched, and says so") {
    EventLoop loop;
    UniqueFd file{::memfd_create("x", MFD_CLOEXEC)};
    Listener listener;
    Watch watch;
    CHECK(watch.start(loop, file.get(), EPOLLIN, listener).value() == EPERM);
    CHECK_FALSE(watch.active());
    CHECK(loop.watched() == 0);
}

TEST_CASE("interest is changed, narrowed to nothing, and widened again") {
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

TEST_CASE("a task runs once, in the next turn, and one that asks again waits for the turn after") {
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

TEST_CASE("a pending task makes the loop not wait") {
    EventLoop loop;
    Job job;
    loop.next_turn(job);
    loop.turn(std::chrono::hours{1}); // would hang if it did
    CHECK(job.runs == 1);
}

TEST_CASE("work that finds no memory is given up alone: handlers, timers and tasks go on, and are called again") {
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
        int left = 3; // 3, 2: too poor; then it is done
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
    CHECK(loop.take_statistics().without_memory == 5); // the two of expire() are its caller's
}

TEST_CASE("what found no memory is not called again when it is gone, cancelled, or has seen to that itself") {
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
