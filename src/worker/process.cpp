#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>

#include "buzon/event/memory.h"
#include "buzon/worker/serve.h"
#include "message.h"

extern char** environ;

namespace buzon::worker::detail {

using namespace std::chrono_literals;

namespace {

// posix_spawn's attributes and actions, freed whatever happens.
class SpawnPlan {
public:
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        sigset_t none;
        sigemptyset(&none);
        sigset_t standard;
        sigemptyset(&standard);
        sigaddset(&standard, SIGPIPE);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setsigdefault(&attributes, &standard);
        // A process group of its own: Ctrl-C for the server must not end a worker in the middle of an update.
        ::posix_spawnattr_setpgroup(&attributes, 0);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

} // namespace

Process::~Process() {
    watch_.stop();
    if (order_) order_->process = nullptr;
}

std::error_code Process::start(const Settings& settings) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return posix::last_error();
    socket_.reset(pair[0]);
    const posix::UniqueFd theirs{pair[1]};
    if (::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();

    SpawnPlan plan;
    ::posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&plan.actions, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&plan.actions, theirs.get(), worker_socket);
    std::vector<char*> argv;
    for (const std::string& argument : settings.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int code =
        ::posix_spawn(&pid_, settings.program.c_str(), &plan.actions, &plan.attributes, argv.data(), environ);
    if (code != 0) return {code, std::system_category()};

    posix::UniqueFd pidfd = event::open_pidfd(pid_);
    if (!pidfd) {
        const std::error_code why = posix::last_error();
        ::kill(pid_, SIGKILL);
        return why;
    }
    if (const std::error_code why = child_.start(pool_.loop_, std::move(pidfd))) return why;
    return watch_.start(pool_.loop_, socket_.get(), EPOLLIN, *this);
}

Process::Taken Process::take(const std::shared_ptr<Order>& order) {
    limit_.arm(pool_.loop_.timers(), event::Clock::now()); // takes its memory: nothing may fail once the job is sent
    // Never would_block: an idle worker has read everything we sent, and one message fits in the empty socket.
    const posix::Transfer sent = send_message(socket_.get(), order->job.kind, order->job.body, order->fd.get());
    if (sent.what != posix::Moved::some) {
        arm_idle_limit();
        return sent.why.value() == EPIPE || sent.why.value() == ECONNRESET ? Taken::worker_gone : Taken::not_sent;
    }
    if (!order->job.repeatable) {
        order->job.body = {};
        order->fd.reset();
    }
    order->process = this;
    order_ = order;
    where_ = order->job.where;
    begun_ = event::Clock::now();
    processor_before_ = processor_time();
    arm_limit();
    return Taken::yes;
}

// CPU time of this process since its start. The maximum if it cannot be read: then there is nothing to wait for.
std::chrono::nanoseconds Process::processor_time() const noexcept {
    if (pool_.settings_.processor_limit.count() == 0) return {};
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
        return std::chrono::nanoseconds::max();
    }
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

// Arms the timer for the earliest time at which the job can exceed a limit, or counts as hanging; CPU time is at most
// elapsed time.
void Process::arm_limit() {
    const Settings& allowed = pool_.settings_;
    std::optional<event::Instant> when;
    const auto earliest = [&when](event::Instant other) { when = when ? std::min(*when, other) : other; };
    if (allowed.time_limit.count() > 0) earliest(begun_ + allowed.time_limit);
    if (allowed.hangs_after.count() > 0 && !hangs_) earliest(begun_ + allowed.hangs_after);
    if (allowed.processor_limit.count() > 0) {
        const auto left = allowed.processor_limit - (processor_time() - processor_before_);
        earliest(event::Clock::now() + std::max<std::chrono::nanoseconds>(left, 10ms));
    }
    if (when)
        limit_.arm(pool_.loop_.timers(), *when);
    else
        limit_.disarm();
}

void Process::arm_idle_limit() {
    if (idle()) limit_.arm(pool_.loop_.timers(), event::Clock::now() + pool_.settings_.idle_limit);
}

void Process::kill() noexcept {
    child_.signal(SIGKILL);
}

void Process::on_ready(std::uint32_t) {
    Message message;
    // Without memory it would be there in the next turn, and in each.
    posix::Transfer got{posix::Moved::failed, 0, std::make_error_code(std::errc::not_enough_memory)};
    event::guarded([&] { got = receive_message(socket_.get(), message); }, [] {});
    if (got.what == posix::Moved::would_block) return;
    // The message is complete; only a slot for its descriptor was missing. That is not the worker's fault.
    if (order_ && got.what == posix::Moved::failed && got.why.value() == EMFILE) {
        limit_.disarm();
        return answer(Answer{Fate::no_descriptor, {}, {}});
    }
    if (got.what != posix::Moved::some || !order_) {
        kill();
        return end(Fate::crashed);
    }
    limit_.disarm();
    served_ = true;
    ++pool_.done_;
    answer(Answer{Fate::answered, std::move(message.body), std::move(message.fd)});
}

void Process::on_timer(event::Timer&) {
    if (!order_) {
        if (pool_.spare(*this)) watch_.close(socket_); // the worker sees that and exits; then on_exit() is called
        return;
    }
    const Settings& allowed = pool_.settings_;
    const bool by_clock = allowed.time_limit.count() > 0 && event::Clock::now() >= begun_ + allowed.time_limit;
    const bool by_work =
        allowed.processor_limit.count() > 0 && processor_time() - processor_before_ >= allowed.processor_limit;
    if (by_clock || by_work) return too_late();
    const bool hung = hangs_;
    hangs_ = allowed.hangs_after.count() > 0 && event::Clock::now() >= begun_ + allowed.hangs_after;
    arm_limit();
    if (hangs_ && !hung) pool_.feed(); // another may take its place
}

// It counts until it has died, which may take as long as its file system hangs.
void Process::too_late() {
    kill();
    watch_.close(socket_);
    limit_.disarm();
    hangs_ = true;
    if (!order_->dropped) ++pool_.crashed_;
    answer(Answer{Fate::too_late, {}, {}});
}

void Process::on_exit(int) {
    end(Fate::crashed);
}

void Process::end(Fate fate) {
    if (finished_) return;
    finished_ = true;
    watch_.stop();
    limit_.disarm();
    if (order_ && !order_->dropped) ++pool_.crashed_;
    const bool died = served_ && socket_;
    pool_.gone(*this); // keeps this object until the next turn
    if (died && pool_.settings_.on_loss) event::guarded(pool_.settings_.on_loss, [] {});
    if (order_ && fate == Fate::crashed && order_->job.repeatable && !order_->dropped && pool_.again(order_)) {
        order_ = nullptr;
    }
    order_ ? answer(Answer{fate, {}, {}}) : pool_.feed();
}

void Process::answer(Answer what) {
    const std::shared_ptr<Order> order = std::move(order_);
    order_ = nullptr;
    order->process = nullptr;
    if (!leaving()) hangs_ = false;
    // Send the next job first, so that the worker is busy while the server handles this answer.
    pool_.feed();
    arm_idle_limit();
    if (order->dropped || !order->on_answer) return;
    Pool::tell(std::exchange(order->on_answer, nullptr), std::move(what));
}

} // namespace buzon::worker::detail
