#include "buzon/worker/pool.h"

#include <algorithm>

#include "buzon/event/memory.h"
#include "places.h"
#include "process.h"
#include "queue.h"

namespace buzon::worker {

using namespace std::chrono_literals;
using detail::Order;
using detail::Process;

namespace {

// After this many consecutive failures to have a worker begin a job, all queued jobs are refused, and so are new ones
// until the pause after the last failure is over. The next job then is a new attempt.
constexpr int max_failures = 6;
constexpr auto first_pause = 10ms; // doubles with each further failure
constexpr std::chrono::milliseconds longest_pause = 5s;

// Maximum number of processes, as a multiple of Settings::max_processes. While that many hang, jobs wait.
constexpr std::size_t max_growth = 4;

// Maildrops known not to be for shared workers.
constexpr std::size_t places_remembered = 65'536;

} // namespace

// --- Pending ---

Pending& Pending::operator=(Pending&& other) noexcept {
    if (this != &other) {
        drop();
        order_ = std::move(other.order_);
    }
    return *this;
}

bool Pending::waiting() const noexcept {
    return order_ && order_->on_answer && !order_->dropped;
}

void Pending::drop() noexcept {
    if (!order_) return;
    const std::shared_ptr<Order> order = std::move(order_);
    order->dropped = true; // skipped when it reaches the front of the queue
    order->on_answer = nullptr;
    if (order->process && order->job.abandonable) order->process->kill();
}

// --- Pool ---

Pool::Pool(event::EventLoop& loop, Settings settings)
    : loop_{loop}, settings_{std::move(settings)}, queue_{std::make_unique<detail::Queue>(settings_.max_queue)} {
    // Removing a worker must not allocate memory.
    processes_.reserve(max_growth * settings_.max_processes + settings_.max_warm);
    leaving_.reserve(2 * processes_.capacity());
    if (sorts()) others_ = std::make_unique<detail::Places>(places_remembered);
}

Pool::~Pool() = default;

Pending Pool::submit(const Job& job, OnAnswer on_answer) {
    auto order = std::make_shared<Order>();
    order->job = job;
    if (job.where == 0) order->job.where = where(job.place);
    order->job.alone = alone(job.place, job.owner);
    if (!sorts() && !settings_.one_job) order->job.place = {};
    order->on_answer = std::move(on_answer);
    if (hopeless() || !queue_->add(order)) {
        fail_later(order, Fate::refused);
        return Pending{order};
    }
    feed();
    return Pending{order};
}

void Pool::renew(const std::string& place) {
    settings_.child.maildir = place;
    for (std::size_t i = processes_.size(); i-- > 0;) // gone() takes it out
        if (Process& process = *processes_[i]; !process.alone() && process.take_no_more()) gone(process);
}

bool Pool::alone(const std::string& place, const posix::Ids& owner) const {
    return sorts() && !place.empty() && (others_->contains(place) || settings_.alone(place, owner));
}

void Pool::feed() noexcept {
    event::guarded(
        [this] {
            feed_while_there_is_memory();
            poor_ = false;
        },
        [this] {
            // Refuse all orders only the second time in a row, and only once those refused earlier have been answered.
            if (std::exchange(poor_, true) && late_.empty()) refuse_all();
            loop_.next_turn(later_);
        });
}

void Pool::refuse_all() noexcept {
    detail::Queue::Orders all = queue_->take_all();
    for (const std::shared_ptr<Order>& order : all) order->fate = Fate::refused;
    late_.splice(late_.end(), all);
    loop_.next_turn(later_);
}

void Pool::feed_while_there_is_memory() {
    while (!pause_.lasts()) {
        const std::shared_ptr<Order> order =
            queue_->next([this](std::uint64_t where, bool update) { return may_begin(where, update); });
        if (!order) return;
        Process* const process = idle_or_new(order->job);
        if (!process && !processes_.empty()) return; // no more can be started now
        if (!process) {
            fail_later(order, Fate::crashed); // no worker, and none can be started
            queue_->remove(*order);
            continue;
        }
        switch (process->take(order)) {
        case Process::Taken::yes: queue_->remove(*order); break;
        case Process::Taken::worker_gone: {
            // A worker that has answered before may have died while idle: try another, or a new one.
            const bool fresh = !process->has_served();
            gone(*process);
            if (fresh) not_begun();
            break;
        }
        case Process::Taken::not_sent: not_begun(); break;
        }
    }
}

// The rules in pool.h.
bool Pool::may_begin(std::uint64_t where, bool update) const noexcept {
    std::size_t working = 0;
    std::size_t there = 0;
    for (const auto& process : processes_) {
        if (!process->busy()) continue;
        if (!process->hangs()) ++working;
        if (process->where() == where) ++there;
    }
    const std::size_t all = settings_.max_processes;
    const std::size_t kept = settings_.kept_for_updates;
    if (working + (update ? 0 : kept) >= all) return false;
    return where == 0 || there < std::max<std::size_t>(all / 2, 1) + (update ? kept : 0);
}

// The kernel has no memory for a message, or new workers die at once. Retrying without a pause would start one process
// after another and use up our time.
void Pool::not_begun() {
    std::chrono::milliseconds pause = first_pause;
    for (int i = 0; i < failures_ && pause < longest_pause; ++i) pause *= 2;
    pause_.begin(std::min(pause, longest_pause));
    failures_ = std::min(failures_ + 1, max_failures + 10);
    if (hopeless()) refuse_all();
}

bool Pool::hopeless() const noexcept {
    return pause_.lasts() && failures_ >= max_failures;
}

Process* Pool::idle_or_new(const Job& job) {
    const auto idle =
        std::find_if(processes_.begin(), processes_.end(), [&](const auto& p) { return p->idle() && p->fits(job); });
    if (idle != processes_.end()) return idle->get();
    // A program that could not be started will not start a microsecond later.
    if (no_start_.lasts() || !make_room(job)) return nullptr;
    auto process = std::make_unique<Process>(*this);
    if (!process->start(settings_, job)) {
        ++started_;
        processes_.push_back(std::move(process));
        return processes_.back().get();
    }
    cannot_start();
    leaving_.push_back(std::move(process));
    loop_.next_turn(later_);
    return nullptr;
}

// Makes room for one more process. False: too many exist already.
bool Pool::make_room(const Job& job) {
    std::size_t warm = 0;
    Process* eldest = nullptr;
    for (const auto& process : processes_) {
        if (!process->alone() || !process->idle()) continue;
        ++warm;
        if (!eldest || process->last_used() < eldest->last_used()) eldest = process.get();
    }
    const bool all = processes_.size() - warm >= max_growth * settings_.max_processes;
    if (all) return false;
    if (eldest && (warm + (job.alone ? 1 : 0) > settings_.max_warm || processes_.size() == processes_.capacity())) {
        eldest->dismiss();
        gone(*eldest);
    }
    return true;
}

void Pool::cannot_start() {
    no_start_.begin(100ms);
}

bool Pool::spare(const Process& process) const noexcept {
    if (process.alone()) return true;
    return std::any_of(processes_.begin(), processes_.end(),
                       [&](const auto& p) { return p.get() != &process && !p->alone() && !p->leaving(); });
}

void Pool::gone(Process& process) {
    const auto found =
        std::find_if(processes_.begin(), processes_.end(), [&](const auto& p) { return p.get() == &process; });
    if (found == processes_.end()) return;
    leaving_.push_back(std::move(*found));
    processes_.erase(found);
    loop_.next_turn(later_);
}

void Pool::fail_later(std::shared_ptr<Order> order, Fate fate) {
    order->fate = fate;
    late_.push_back(std::move(order));
    loop_.next_turn(later_);
}

bool Pool::again(const std::shared_ptr<Order>& order) noexcept {
    bool well = true;
    event::guarded([&] { queue_->put_back(order); }, [&] { well = false; });
    if (!well) return false;
    order->process = nullptr;
    order->job.repeatable = false;
    return true;
}

bool Pool::again_alone(const std::shared_ptr<Order>& order) noexcept {
    bool well = true;
    order->process = nullptr;
    order->job.alone = true;
    event::guarded(
        [&] {
            others_->add(order->job.place);
            queue_->put_back(order);
        },
        [&] { well = false; });
    return well;
}

// If there is no memory for an answer, it is lost: the others must not be lost with it.
void Pool::tell(const OnAnswer& on_answer, Answer answer) {
    event::guarded([&] { on_answer(std::move(answer)); }, [] {});
}

void Pool::run_late_answers() {
    leaving_.clear();
    for (std::size_t left = late_.size(); left > 0; --left) {
        const std::shared_ptr<Order> order = std::move(late_.front());
        late_.pop_front();
        if (order->dropped || !order->on_answer) continue;
        posix::WipedString{}.swap(order->job.body);
        tell(std::exchange(order->on_answer, nullptr), Answer{order->fate, {}, {}});
    }
    feed();
}

Statistics Pool::statistics() const noexcept {
    Statistics now;
    now.processes = processes_.size();
    const auto count = [this](auto what) {
        return static_cast<std::size_t>(std::count_if(processes_.begin(), processes_.end(), what));
    };
    now.running = count([](const auto& p) { return !p->idle(); });
    now.hanging = count([](const auto& p) { return p->hangs(); });
    now.queued = queue_->size();
    now.started = started_;
    now.done = done_;
    now.crashed = crashed_;
    return now;
}

} // namespace buzon::worker
