// Delivers a message through a transformation (contract section 3): wait for a turn -> open the file -> give it to the
// programs -> hold output back until the outcome is known or the limit is exceeded -> dot-stuffing -> output. A message
// that the programs leave unchanged is sent as if there were none. One whose disk is slow loses its turn, and waits for
// another with the file open.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/filter/filter_queue.h"
#include "buzon/filter/held_output.h"
#include "buzon/filter/passage.h"
#include "buzon/message/dot_stuffer.h"
#include "buzon/message/header.h"
#include "buzon/serve/delivery.h"
#include "buzon/serve/transforms.h"
#include "buzon/state/event.h"
#include "descriptor_retry.h"
#include "filter_words.h"
#include "message_file.h"

namespace buzon::serve {
namespace {

constexpr std::chrono::seconds longest_opening{5}; // that a message keeps its turn for

class FilterDelivery final : public Delivery,
                             private filter::TicketHandler,
                             private filter::PassageEvents,
                             private event::TimerHandler {
public:
    FilterDelivery(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order, const filter::FilterSpec& spec)
        : needs_{needs}
        , owner_{owner}
        , order_{std::move(order)}
        , spec_{spec}
        , ticket_{*this}
        , file_{needs, order_, [this] { file_wakes(); }}
        , passage_{needs.loop, needs.transforms.hosts(), needs.transforms.processes(), *this}
        , delays_{*this}
        , held_{static_cast<std::size_t>(needs.settings.transform_hold)} {
        if (order_.top_lines) cutter_.emplace(*order_.top_lines);
    }

    ~FilterDelivery() override {
        passage_.abandon();
        count_end();
    }

    Step begin() override;
    std::optional<std::uint64_t> octets() const override { return unchanged_ ? unchanged_->octets() : octets_; }
    std::optional<net::FilePart> part() override { return unchanged_ ? unchanged_->part() : std::nullopt; }
    void part_sent(std::size_t octets) override { unchanged_->part_sent(octets); }
    Step pull(std::string& out, std::size_t room) override;
    void pause() override { passage_.pause(); }
    pop3::DeliveryRefusal refusal() const override { return unchanged_ ? unchanged_->refusal() : refusal_; }
    // A single word, for SESS.
    std::string program() const override { return unchanged_ ? std::string{} : spec_.names(); }

private:
    void on_turn(filter::Ticket&) override { owner_.task_wakes(); }
    void on_patience_lost(filter::Ticket&) override;
    void on_timer(event::Timer& which) override;
    void on_started() override;
    void on_output() override { owner_.task_wakes(); }
    void on_ended(const filter::Outcome& outcome) override;
    bool on_again() override;
    void on_stderr_line(std::string_view line) override;

    // What keeps a message from the programs although it is its turn.
    struct Delays {
        explicit Delays(event::TimerHandler& handler) noexcept : retry{handler}, opening{handler} {}
        event::Timer retry; // while out of descriptors for its pipes
        std::optional<event::Instant> give_up_at;
        event::Timer opening;    // while a worker opens the file
        bool open_first = false; // that took long: wait for a turn only with the file open
    };

    Step refuse(pop3::DeliveryRefusal why);
    Step open();
    void file_wakes();
    [[nodiscard]] filter::Limits limits() const;
    Step start();
    Step try_again();
    bool take_kept();
    void keep(bool same);
    Step take_held(bool whole);
    Step fill();
    Step go_unchanged();
    Step stream(std::string_view raw, std::string& out);
    Step finish(std::string& out);
    void ended(const filter::Outcome& outcome);
    void failed(state::FilterFailure cause, std::string_view why);
    void count_result(const filter::Outcome& outcome);
    void count_end();

    DeliveryNeeds& needs_;
    login::TaskOwner& owner_;
    DeliveryOrder order_;
    const filter::FilterSpec spec_; // a copy, because TRAN may change the original
    filter::Ticket ticket_;
    MessageFile file_;
    filter::Passage passage_;
    std::unique_ptr<Delivery> unchanged_; // set if the message is sent from a file, without streaming output
    Delays delays_;
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
        if (take_kept()) return unchanged_ ? unchanged_->begin() : take_held(true);
        if (delays_.open_first) {
            if (const Step step = open(); step != Step::ready) return step;
        }
        if (needs_.transforms.queue().enter(ticket_, order_.user) == filter::Queue::Entry::full) {
            failed(state::FilterFailure::queue, "too many messages are waiting");
            return Step::refused;
        }
    }
    if (ticket_.state() == filter::Ticket::State::waiting) return Step::wait;
    passage_.resume(); // the client may have been slow to read the replies before this one
    if (!passage_.running() && !ended_) {
        if (const Step step = start(); step != Step::ready) return step;
    }
    return unchanged_ ? unchanged_->begin() : fill();
}

Delivery::Step FilterDelivery::start() {
    if (delays_.retry.armed()) return Step::wait;
    if (const Step step = open(); step != Step::ready) {
        if (step == Step::wait && !delays_.opening.armed())
            delays_.opening.arm(needs_.loop.timers(), needs_.loop.now() + longest_opening);
        return step;
    }
    delays_.opening.disarm();
    if (!file_.look()) return refuse(pop3::DeliveryRefusal::gone);
    filter::Environment environment;
    environment.user = order_.user;
    environment.uidl = order_.snapshot.uidl(order_.index);
    environment.client_ip = order_.client_ip.text();
    const filter::Outcome started = passage_.start(spec_, file_, environment, about(environment), limits());
    if (started.cause == filter::Cause::no_descriptor) return try_again();
    if (!started.ok()) {
        count_result(started);
        failed(failure_of(started.cause), started.text);
        return Step::refused;
    }
    began_ = event::Clock::now();
    ++needs_.metrics.filters_running;
    needs_.metrics.filter_bytes_in += file_.size();
    return Step::ready;
}

Delivery::Step FilterDelivery::open() {
    const Step step = file_.open();
    if (step == Step::refused) refusal_ = file_.refusal();
    return step;
}

void FilterDelivery::on_timer(event::Timer& which) {
    if (&which == &delays_.retry) return owner_.task_wakes();
    // A disk that hangs must not take the turns of messages on other disks.
    delays_.open_first = true;
    ticket_.release();
}

filter::Limits FilterDelivery::limits() const {
    filter::Limits limits = needs_.transforms.limits();
    // Run the programs as its owner. --transform-user is the same for all.
    if (needs_.disk.by_owner() && needs_.transforms.programs_user().empty() &&
        needs_.disk.alone(order_.maildir, order_.owner))
        limits.owner = {order_.maildir, order_.owner, true};
    const bool known = order_.owner.uid != posix::Ids::unsaid;
    // A file in its maildrop belongs to the owner of the mail; a copy is our own.
    if (known)
        limits.mail_owner = order_.owner;
    else if (order_.local)
        limits.mail_owner = {file_.about().st_uid, posix::Ids::unsaid};
    else
        limits.maildrop = order_.maildir;
    return limits;
}

void FilterDelivery::on_started() {
    ++needs_.metrics.filters_started;
}

// The message has been opened, or a piece of it read.
void FilterDelivery::file_wakes() {
    if (passage_.running())
        passage_.go_on(); // may destroy this
    else
        owner_.task_wakes();
}

// Keeps its turn, but holds no descriptors meanwhile.
Delivery::Step FilterDelivery::try_again() {
    file_.close();
    const event::Instant now = needs_.loop.now();
    if (!delays_.give_up_at) delays_.give_up_at = now + needs_.settings.transform_wait;
    if (now >= *delays_.give_up_at) {
        failed(state::FilterFailure::queue, "waited too long for descriptors");
        return Step::refused;
    }
    delays_.retry.arm(needs_.loop.timers(), now + descriptor_retry);
    return Step::wait;
}

// Reads output into the buffer until the outcome is known or the buffer is full. TOP holds output back as RETR does.
Delivery::Step FilterDelivery::fill() {
    while (held_.holding() && !ended_) {
        const std::span<char> room = held_.room();
        const posix::Transfer got = passage_.read(room);
        if (got.what == posix::Moved::end && passage_.outcome() && !ended_) ended(*passage_.outcome());
        if (got.what != posix::Moved::some) break;
        held_.filled(got.bytes);
    }
    if (ended_ && !ended_->ok()) return refuse(pop3::DeliveryRefusal::filter_failed);
    if (ended_ && passage_.same()) return go_unchanged();
    if (held_.holding() && !ended_) return Step::wait;
    const bool whole = held_.holding();
    pending_ = held_.take();
    if (whole && passage_.stable()) keep(false);
    return take_held(whole);
}

// Takes a result that this session has received before.
bool FilterDelivery::take_kept() {
    const KeptResults::Result* const kept = needs_.transforms.kept().find(order_.session, order_.index, spec_.text());
    if (!kept) return false;
    ended_.emplace();
    if (kept->same)
        unchanged_ = deliver_opened(order_, file_, OpenedFile::stored);
    else
        pending_ = kept->octets;
    return true;
}

void FilterDelivery::keep(bool same) {
    needs_.transforms.kept().keep({order_.session, order_.index, spec_.text(), same, pending_});
}

// pending_ is all of the message, or its beginning.
Delivery::Step FilterDelivery::take_held(bool whole) {
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
    if (unchanged_) return unchanged_->pull(out, room);
    if (ended_ && !ended_->ok()) return Step::broken;
    const std::size_t before = out.size();
    if (!pending_.empty()) {
        const Step step = stream(std::exchange(pending_, {}), out);
        if (step != Step::some) return step;
    }
    passage_.resume();
    while (out.size() - before < room) {
        if (ended_) return finish(out); // all its output had been read by then
        char* const room_to_read = needs_.room.of(this);
        const posix::Transfer got = passage_.read({room_to_read, FileRoom::size});
        if (got.what == posix::Moved::end && passage_.outcome() && !ended_) {
            ended(*passage_.outcome());
            if (!ended_->ok()) return Step::broken;
            continue;
        }
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
        passage_.abandon(); // TOP has its lines, so whatever the program would still write does not matter
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
    ended(outcome);
    owner_.task_wakes();
}

bool FilterDelivery::on_again() {
    const bool nothing_sent = !ended_ && held_.holding();
    if (nothing_sent) held_ = filter::HeldOutput{static_cast<std::size_t>(needs_.settings.transform_hold)};
    return nothing_sent;
}

// The message as the programs have left it.
Delivery::Step FilterDelivery::go_unchanged() {
    posix::UniqueFd made = passage_.take_result();
    const OpenedFile kind = made ? OpenedFile::made : OpenedFile::stored;
    if (!made && passage_.stable()) keep(true);
    if (made) file_.replace(std::move(made));
    unchanged_ = deliver_opened(order_, file_, kind);
    return unchanged_->begin();
}

void FilterDelivery::ended(const filter::Outcome& outcome) {
    // If this runs out of memory, the client must still learn how the message ends.
    ended_.emplace();
    ended_->cause = outcome.cause;
    event::guarded(
        [&] {
            count_result(outcome);
            if (!outcome.ok()) failed(failure_of(outcome.cause), outcome.text);
        },
        [] {});
    count_end();
    ticket_.release();
}

void FilterDelivery::on_stderr_line(std::string_view line) {
    // All programs of a chain share one pipe, so it is unknown which of them wrote the line.
    needs_.transforms.complaints().line(spec_.names(), order_.session, order_.user, order_.snapshot.uidl(order_.index),
                                        line);
}

void FilterDelivery::failed(state::FilterFailure cause, std::string_view why) {
    needs_.metrics.count_filter_failure(cause);
    needs_.events.publish(state::EventType::filter_fail, std::chrono::system_clock::now(), order_.session, order_.user,
                          {{"uidl", order_.snapshot.uidl(order_.index)},
                           {"cause", state::filter_failure_names[static_cast<std::size_t>(cause)]},
                           {"why", why}});
}

// Counts, for each program, what became of the message.
void FilterDelivery::count_result(const filter::Outcome& outcome) {
    state::ProgramCounts& counts = needs_.metrics.counts_of(spec_.names());
    const bool same = outcome.ok() && passage_.same();
    if (same) ++needs_.metrics.filters_same;
    ++(!outcome.ok() ? counts.failed : same ? counts.same : counts.changed);
    if (began_)
        counts.microseconds += static_cast<state::Count>(
            std::chrono::duration_cast<std::chrono::microseconds>(event::Clock::now() - *began_).count());
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
