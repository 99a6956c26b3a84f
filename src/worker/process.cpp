#include "process.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>

#include "buzon/event/memory.h"
#include "message.h"

namespace buzon::worker::detail {

using namespace std::chrono_literals;

Process::~Process() {
    watch_.stop();
    if (order_) order_->process = nullptr;
}

bool Process::fits(const Job& job) const noexcept {
    if (last_job_) return pool_.settings_.one_job && !served_ && job.place == place_;
    return alone_ ? job.alone && job.place == place_ && job.owner == owner_ : !job.alone;
}

std::error_code Process::start(const Settings& settings, const Job& job) {
    alone_ = job.alone;
    if (alone_) {
        place_ = job.place;
        owner_ = job.owner;
    }
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return posix::last_error();
    socket_.reset(pair[0]);
    posix::UniqueFd theirs{pair[1]};
    if (::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();

    last_job_ = settings.one_job;
    for_place_ = alone_ || settings.one_job;
    keeper::ChildSpec spec = settings.child;
    if (settings.one_job) spec.maildir = place_ = job.place;
    if (alone_) spec = {spec.role, owner_, place_, true};
    if (const std::error_code why = child_.start(*settings.starter, spec, std::move(theirs))) return why;
    return watch_.start(pool_.loop_, socket_.get(), EPOLLIN, *this);
}

Process::Taken Process::take(const std::shared_ptr<Order>& order) {
    limit_.arm(pool_.loop_.timers(), event::Clock::now()); // allocates now: nothing may fail once the job is sent
    // Never would_block: an idle worker has read everything we sent, and one message fits in the empty socket.
    const posix::Transfer sent = send_message(socket_.get(), order->job.kind, order->job.body, order->descriptor());
    const bool gone = sent.why.value() == EPIPE || sent.why.value() == ECONNRESET;
    // on_no_start() will say why, which concerns only this order.
    const bool no_start = gone && for_place_ && !served_;
    if (sent.what != posix::Moved::some && !no_start) {
        arm_idle_limit();
        return gone ? Taken::worker_gone : Taken::not_sent;
    }
    if (!order->job.repeatable && !may_refuse()) {
        order->job.body = {};
        order->job.file.reset();
    }
    order->process = this;
    order_ = order;
    where_ = order->job.where;
    begun_ = event::Clock::now();
    processor_before_ = processor_time();
    arm_limit();
    return Taken::yes;
}

// CPU time of the worker since its start. The maximum if it cannot be read: then the limit counts as reached.
std::chrono::nanoseconds Process::processor_time() const noexcept {
    if (pool_.settings_.processor_limit.count() == 0 || child_.pid() == 0) return {};
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(child_.pid(), &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
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
    const Settings& allowed = pool_.settings_;
    if (idle())
        limit_.arm(pool_.loop_.timers(),
                   event::Clock::now() + (alone_ ? allowed.idle_limit_alone : allowed.idle_limit));
}

void Process::dismiss() noexcept {
    watch_.close(socket_);
}

bool Process::take_no_more() noexcept {
    last_job_ = true;
    if (!idle()) return false;
    dismiss();
    return true;
}

// A worker alone does its first job in any case: it has just been started for that maildrop.
bool Process::may_refuse() const noexcept {
    return alone_ ? served_ : pool_.sorts();
}

void Process::kill() noexcept {
    killed_ = true;
    child_.kill();
}

void Process::on_ready(std::uint32_t) {
    Message message;
    // Running out of memory counts as a failure: otherwise the message would wake us in every turn.
    posix::Moved what = posix::Moved::failed;
    int why = ENOMEM;
    event::guarded(
        [&] {
            const posix::Transfer got = receive_message(socket_.get(), message);
            what = got.what;
            why = got.why.value();
        },
        [] {});
    if (what == posix::Moved::would_block) return;
    // The message is complete; only a slot for its descriptor was missing. That is not the worker's fault.
    if (order_ && what == posix::Moved::failed && why == EMFILE) {
        limit_.disarm();
        return answer(Answer{Fate::no_descriptor, {}, {}});
    }
    if (what != posix::Moved::some || !order_) {
        unread_ = why == ECONNRESET;
        kill();
        if (!served_) return watch_.stop(); // on_no_start() or on_exit() tells why
        return end(Fate::crashed);
    }
    limit_.disarm();
    pool_.failures_ = 0;
    if (message.kind == not_mine && may_refuse()) return refused();
    served_ = true;
    ++pool_.done_;
    answer(Answer{Fate::answered, std::move(message.body), std::move(message.fd)});
}

// Its job is for a worker alone or, if it is one itself, for a new one.
void Process::refused() {
    served_ = true;
    last_job_ = last_job_ || alone_;
    if (order_->dropped || !pool_.again_alone(order_)) return answer(Answer{Fate::refused, {}, {}});
    order_ = nullptr;
    hangs_ = false;
    if (last_job_) dismiss();
    pool_.feed();
    arm_idle_limit();
}

void Process::on_timer(event::Timer&) {
    if (!order_) {
        if (pool_.spare(*this)) dismiss(); // the worker sees that and exits; then on_exit() is called
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

// The process counts until it has died, which may take as long as its file system hangs.
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

// A failure for one place is no reason not to start workers for others.
void Process::on_no_start(std::error_code why) {
    if (!for_place_) pool_.cannot_start();
    end(Fate::crashed, why);
}

void Process::end(Fate fate, std::error_code why) {
    if (finished_) return;
    finished_ = true;
    watch_.stop();
    limit_.disarm();
    if (order_ && !order_->dropped) ++pool_.crashed_;
    // Pause: otherwise we might start one worker after another.
    if (order_ && !alone_ && !served_ && !why && has_not_read()) pool_.not_begun();
    const bool died = served_ && socket_;
    pool_.gone(*this); // keeps this object until the next turn
    if (died && pool_.settings_.on_loss) event::guarded(pool_.settings_.on_loss, [] {});
    if (order_ && fate == Fate::crashed && order_->job.repeatable && !(for_place_ && why) && !order_->dropped &&
        pool_.again(order_)) {
        order_ = nullptr;
    }
    order_ ? answer(Answer{fate, {}, {}, why}) : pool_.feed();
}

// The kernel resets a connection if its other end is closed with unread input.
bool Process::has_not_read() const noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    return unread_ || (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == ECONNRESET);
}

void Process::answer(Answer what) {
    const std::shared_ptr<Order> order = std::move(order_);
    order_ = nullptr;
    order->process = nullptr;
    posix::WipedString{}.swap(order->job.body); // the holder of the Pending may keep the order for long
    if (!leaving()) hangs_ = false;
    if (last_job_ && !leaving()) dismiss();
    // Send the next job first, so that the worker is busy while the server handles this answer.
    pool_.feed();
    arm_idle_limit();
    if (order->dropped || !order->on_answer) return;
    Pool::tell(std::exchange(order->on_answer, nullptr), std::move(what));
}

} // namespace buzon::worker::detail
