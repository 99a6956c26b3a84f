// Delivers a message through a transformation (contract section 3): wait for a turn -> open the file -> start the
// programs with the file as standard input -> hold output back until the outcome is known or the limit is exceeded ->
// dot-stuffing -> output.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/filter/filter_queue.h"
#include "buzon/filter/filter_run.h"
#include "buzon/filter/held_output.h"
#include "buzon/message/dot_stuffer.h"
#include "buzon/message/header.h"
#include "buzon/serve/delivery.h"
#include "buzon/serve/transforms.h"
#include "descriptor_retry.h"

namespace buzon::serve {
namespace {

state::FilterFailure failure_of(filter::Cause cause) {
    switch (cause) {
    case filter::Cause::cannot_start:
    case filter::Cause::no_descriptor: return state::FilterFailure::start;
    case filter::Cause::signal: return state::FilterFailure::signal;
    case filter::Cause::time_limit: return state::FilterFailure::timeout;
    case filter::Cause::system: return state::FilterFailure::io;
    default: return state::FilterFailure::exit;
    }
}

class FilterDelivery final : public Delivery,
                             private filter::TicketHandler,
                             private filter::RunEvents,
                             private event::TimerHandler {
public:
    FilterDelivery(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order, const filter::FilterSpec& spec)
        : needs_{needs}
        , owner_{owner}
        , order_{std::move(order)}
        , spec_{spec}
        , ticket_{*this}
        , opener_{needs, [this] { owner_.task_wakes(); }}
        , run_{needs.loop, needs.transforms.launcher(), *this}
        , retry_{*this}
        , held_{static_cast<std::size_t>(needs.settings.transform_hold)} {
        if (order_.top_lines) cutter_.emplace(*order_.top_lines);
    }

    ~FilterDelivery() override {
        run_.abandon();
        count_end();
    }

    Step begin() override;
    std::optional<std::uint64_t> octets() const override { return octets_; }
    Step pull(std::string& out, std::size_t room) override;
    void pause() override { run_.pause(); }
    pop3::DeliveryRefusal refusal() const override { return refusal_; }
    std::string program() const override;

private:
    void on_turn(filter::Ticket&) override { owner_.task_wakes(); }
    void on_patience_lost(filter::Ticket&) override;
    void on_timer(event::Timer&) override { owner_.task_wakes(); }
    void on_output() override { owner_.task_wakes(); }
    void on_ended(const filter::Outcome& outcome) override;
    void on_stderr_line(std::string_view line) override;

    Step refuse(pop3::DeliveryRefusal why);
    Step start();
    Step try_again();
    Step fill();
    Step stream(std::string_view raw, std::string& out);
    Step finish(std::string& out);
    void failed(state::FilterFailure cause, std::string_view why);
    void count_end();

    DeliveryNeeds& needs_;
    login::TaskOwner& owner_;
    DeliveryOrder order_;
    const filter::FilterSpec spec_; // a copy, because TRAN may change the original
    filter::Ticket ticket_;
    MessageOpener opener_;
    filter::Run run_;
    event::Timer retry_; // while out of descriptors for its pipes
    std::optional<event::Instant> give_up_at_;
    filter::HeldOutput held_;
    std::optional<filter::Outcome> ended_;
    std::string pending_; // held output to be sent
    bool out_of_patience_ = false;
    std::optional<event::Instant> began_; // set while it counts as running
    std::optional<std::uint64_t> octets_;
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::filter_failed;
    message::DotStuffer stuffer_;
    std::optional<message::TopCutter> cutter_;
};

Delivery::Step FilterDelivery::refuse(pop3::DeliveryRefusal why) {
    refusal_ = why;
    return Step::refused;
}

Delivery::Step FilterDelivery::begin() {
    if (out_of_patience_) {
        failed(state::FilterFailure::queue, "waited too long for its turn");
        return Step::refused;
    }
    if (ticket_.state() == filter::Ticket::State::idle && !ended_) {
        if (needs_.transforms.queue().enter(ticket_, order_.user) == filter::Queue::Entry::full) {
            failed(state::FilterFailure::queue, "too many messages are waiting");
            return Step::refused;
        }
    }
    if (ticket_.state() == filter::Ticket::State::waiting) return Step::wait;
    if (!run_.running() && !ended_) {
        if (const Step step = start(); step != Step::ready) return step;
    }
    return fill();
}

Delivery::Step FilterDelivery::start() {
    if (retry_.armed()) return Step::wait;
    auto opened = opener_.open(order_);
    if (!opened) return Step::wait;
    if (!opened->ok()) {
        return refuse(opened->error().value() == ENOENT ? pop3::DeliveryRefusal::gone
                                                        : pop3::DeliveryRefusal::unreadable);
    }
    struct stat about {};
    if (::fstat(opened->value().get(), &about) != 0 || !S_ISREG(about.st_mode))
        return refuse(pop3::DeliveryRefusal::gone);
    filter::Environment environment;
    environment.user = order_.user;
    environment.uidl = order_.snapshot.uidl(order_.index);
    environment.client_ip = order_.client_ip.text();
    const filter::Outcome started =
        run_.start(spec_, std::move(*opened).value(), environment, needs_.transforms.limits());
    if (started.cause == filter::Cause::no_descriptor) return try_again();
    if (!started.ok()) {
        failed(failure_of(started.cause), started.text);
        return Step::refused;
    }
    began_ = event::Clock::now();
    ++needs_.metrics.filters_running;
    ++needs_.metrics.filters_started;
    needs_.metrics.filter_bytes_in += order_.snapshot.stored_size(order_.index);
    return Step::ready;
}

// Keeps its turn, but holds no descriptor meanwhile.
Delivery::Step FilterDelivery::try_again() {
    const event::Instant now = needs_.loop.now();
    if (!give_up_at_) give_up_at_ = now + needs_.settings.transform_wait;
    if (now >= *give_up_at_) {
        failed(state::FilterFailure::queue, "waited too long for descriptors");
        return Step::refused;
    }
    retry_.arm(needs_.loop.timers(), now + descriptor_retry);
    return Step::wait;
}

// Reads output into the buffer until the outcome is known or the buffer is full. TOP holds output back as RETR does.
Delivery::Step FilterDelivery::fill() {
    while (held_.holding() && !ended_) {
        const std::span<char> room = held_.room();
        const posix::Transfer got = run_.read(room);
        if (got.what != posix::Moved::some) break;
        held_.filled(got.bytes);
    }
    if (ended_ && !ended_->ok()) return refuse(pop3::DeliveryRefusal::filter_failed);
    if (held_.holding() && !ended_) return Step::wait;
    const bool whole = held_.holding();
    pending_ = held_.take();
    // Octets after the held ones are sent as soon as they are read, without inspection.
    if (order_.ascii_header && message::HeaderOctets{}.feed(pending_) == message::HeaderOctets::Found::eight_bit) {
        return refuse(pop3::DeliveryRefusal::needs_utf8);
    }
    if (whole && !order_.top_lines) {
        message::OctetCounter counter;
        counter.feed(pending_);
        octets_ = counter.finish();
    }
    return Step::ready;
}

Delivery::Step FilterDelivery::pull(std::string& out, std::size_t room) {
    if (ended_ && !ended_->ok()) return Step::broken;
    const std::size_t before = out.size();
    if (!pending_.empty()) {
        const Step step = stream(std::exchange(pending_, {}), out);
        if (step != Step::some) return step;
    }
    run_.resume();
    while (out.size() - before < room) {
        if (ended_) return finish(out); // all its output had been read by then
        char* const room_to_read = needs_.room.of(this);
        const posix::Transfer got = run_.read({room_to_read, FileRoom::size});
        if (got.what != posix::Moved::some) return out.size() > before ? Step::some : Step::wait;
        const Step step = stream({room_to_read, got.bytes}, out);
        if (step != Step::some) return step;
    }
    return Step::some;
}

Delivery::Step FilterDelivery::stream(std::string_view raw, std::string& out) {
    needs_.metrics.filter_bytes_out += raw.size();
    if (cutter_) raw = raw.substr(0, cutter_->feed(raw));
    stuffer_.feed(raw, out);
    if (cutter_ && cutter_->done()) {
        run_.abandon(); // TOP has its lines, so whatever the program would still write does not matter
        return finish(out);
    }
    return Step::some;
}

Delivery::Step FilterDelivery::finish(std::string& out) {
    stuffer_.finish(out);
    count_end();
    ticket_.release();
    return Step::done;
}

void FilterDelivery::on_patience_lost(filter::Ticket&) {
    out_of_patience_ = true;
    owner_.task_wakes();
}

void FilterDelivery::on_ended(const filter::Outcome& outcome) {
    // If this runs out of memory, the client must still learn how the message ends.
    ended_.emplace();
    ended_->cause = outcome.cause;
    event::guarded(
        [&] {
            if (!outcome.ok()) failed(failure_of(outcome.cause), outcome.text);
        },
        [] {});
    count_end();
    ticket_.release();
    owner_.task_wakes();
}

void FilterDelivery::on_stderr_line(std::string_view line) {
    // All programs of a chain share one pipe, so it is unknown which of them wrote the line.
    needs_.transforms.complaints().line(program(), order_.session, order_.user, order_.snapshot.uidl(order_.index),
                                        line);
}

// A single word, for SESS.
std::string FilterDelivery::program() const {
    std::string names;
    for (const filter::FilterMember& member : spec_.members()) {
        if (!names.empty()) names += '|';
        names += member.path;
    }
    return names;
}

void FilterDelivery::failed(state::FilterFailure cause, std::string_view why) {
    needs_.metrics.count_filter_failure(cause);
    needs_.events.publish(state::EventType::filter_fail, std::chrono::system_clock::now(), order_.session, order_.user,
                          {{"uidl", order_.snapshot.uidl(order_.index)},
                           {"cause", state::filter_failure_names[static_cast<std::size_t>(cause)]},
                           {"why", why}});
}

void FilterDelivery::count_end() {
    if (!began_) return;
    --needs_.metrics.filters_running;
    const auto lasted = event::Clock::now() - *std::exchange(began_, std::nullopt);
    needs_.metrics.filter_time.observe(
        static_cast<state::Count>(std::chrono::duration_cast<std::chrono::microseconds>(lasted).count()));
}

} // namespace

std::unique_ptr<Delivery> deliver_filtered(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order,
                                           const filter::FilterSpec& spec) {
    return std::make_unique<FilterDelivery>(needs, owner, std::move(order), spec);
}

} // namespace buzon::serve
