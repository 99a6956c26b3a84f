// What a session asks for, performed: messages delivered, and the UPDATE state.
#include <algorithm>

#include "buzon/daemon/jobs.h"
#include "buzon/daemon/listings.h"
#include "buzon/daemon/pop3_connection.h"
#include "buzon/daemon/transforms.h"
#include "buzon/daemon/trash_keeper.h"
#include "buzon/mail/update.h"

namespace buzon::daemon {

void Pop3Connection::deliver(const pop3::Deliver& wanted, std::string& out) {
    const std::uint32_t index = mail::Maildrop::index(wanted.number);
    DeliveryOrder order{session_.maildrop()->snapshot(),
                        index,
                        maildir(),
                        session_.user(),
                        client_.address.ip,
                        id_,
                        wanted.top_lines,
                        session_.maildrop()->filtered_octets()};
    retr_ = !wanted.top_lines;
    busy_->work_began = event::Clock::now();
    busy_->reply_began_at = sent_ + out.size(); // behind what is on its way already
    busy_->reply_size.reset();
    const filter::FilterSpec* const spec = context_.transforms.of(session_.user());
    busy_->delivery = spec ? deliver_filtered(context_, *busy_, std::move(order), *spec)
                           : deliver_file(context_, *busy_, std::move(order));
    doing_ = Doing::preparing;
}

// True: go on. False: wait for delivery_wakes().
bool Pop3Connection::prepare(std::string& out) {
    const std::size_t at = out.size();
    switch (busy_->delivery->begin()) {
    case Delivery::Step::wait: return false;
    case Delivery::Step::refused:
        session_.delivery_refused(busy_->delivery->refusal(), out);
        count_reply(out, at);
        busy_->delivery.reset();
        doing_ = Doing::nothing;
        return true;
    default: break;
    }
    busy_->reply_size = busy_->delivery->octets();
    session_.delivery_begins(busy_->reply_size, out);
    count_reply(out, at);
    doing_ = Doing::delivering;
    return true;
}

bool Pop3Connection::pump(std::string& out) {
    if (const std::optional<FilePart> part = busy_->delivery->part()) {
        const std::size_t went = send_part(*part, out);
        if (!closed_) busy_->delivery->part_sent(went);
        return went == part->octets;
    }
    switch (busy_->delivery->pull(out, send_at - std::min(out.size(), send_at - 1))) {
    case Delivery::Step::wait: return false;
    case Delivery::Step::broken:
        // Without the final "." line: no client may take a part for the whole.
        close(Ending::cut);
        return false;
    case Delivery::Step::done:
        busy_->delivery.reset();
        doing_ = Doing::nothing;
        deliver_counts_ = true;
        // Counted when the last octet has been handed over, so that goes first.
        if (!flush(out)) return false;
        delivered();
        return true;
    default: return true;
    }
}

void Pop3Connection::delivered() {
    deliver_counts_ = false;
    session_.delivered();
    const std::uint64_t octets = sent_ - busy_->reply_began_at;
    if (retr_) {
        ++retrieved_;
        ++context_.metrics.messages;
        context_.metrics.retr_time.observe(microseconds_of_work());
        context_.metrics.retr_bytes += octets;
    } else {
        ++context_.metrics.top_replies;
        context_.metrics.top_bytes += octets;
    }
    if (const auto type = retr_ ? state::EventType::retr : state::EventType::top; context_.events.wants(type)) {
        publish(type, {{"octets", octets}});
    }
}

void Pop3Connection::list(const pop3::Produce& wanted) {
    doing_ = Doing::listing;
    if (!wanted.same_for_all || session_.maildrop()->count() < Listings::fewest_messages) return;
    busy_->listing =
        std::make_unique<ListingRun>(context_.listings, session_.maildrop()->shared_snapshot(), wanted.what);
}

// True: go on. False: the client takes no more for now, or has gone.
bool Pop3Connection::list_on(std::string& out) {
    active_ = context_.loop.now();
    if (const std::optional<FilePart> part = busy_->listing ? busy_->listing->part() : std::nullopt) {
        const std::size_t went = send_part(*part, out);
        if (closed_) return false;
        busy_->listing->part_sent(went);
        if (!busy_->listing->all_sent()) return went == part->octets;
    } else {
        const std::size_t at = out.size();
        const bool finished = session_.produce(out, send_at);
        if (busy_->listing) busy_->listing->produced(std::string_view{out}.substr(at));
        if (!finished) return true;
        if (busy_->listing) busy_->listing->finished();
    }
    busy_->listing.reset();
    doing_ = Doing::nothing;
    return true;
}

void Pop3Connection::update(std::string& out) {
    ending_ = Ending::quit;
    closing_ = true;
    const mail::Maildrop& maildrop = *session_.maildrop();
    if (!maildrop.wants_update()) {
        lock_.release(); // before the reply: who reads it may log in at once
        session_.updated(0, out);
        return;
    }
    closing_ = false;
    doing_ = Doing::updating;
    busy_->update = std::make_unique<UpdateOrder>(context_, *session_.maildrop(), maildir(),
                                                  [this] { context_.loop.next_turn(*busy_); });
    update_on(out);
}

void Pop3Connection::update_on(std::string& out) {
    if (busy_->job.waiting()) return;
    switch (busy_->update->go_on()) {
    case UpdateOrder::Step::more: return context_.loop.next_turn(*busy_);
    case UpdateOrder::Step::wait: return;
    case UpdateOrder::Step::ready: break;
    case UpdateOrder::Step::failed: return updated({worker::Fate::refused, {}, {}}, out);
    }
    busy_->job = context_.disk.submit(busy_->update->job(), [this](worker::Answer answer) {
        busy_->in = busy_->input;
        turn([&](std::string& later) { updated(answer, later); });
    });
    busy_->update.reset();
}

void Pop3Connection::updated(const worker::Answer& answer, std::string& out) {
    busy_->update.reset();
    doing_ = Doing::nothing;
    closing_ = true;
    ending_ = Ending::quit; // also for one that was kicked, or has left, meanwhile
    // Two workers that died may have removed some, or all: the reply claims none.
    const std::uint32_t asked = session_.maildrop()->deleted_count();
    std::uint32_t left = asked;
    const Answered said = read_answer(answer);
    if (!said.why) {
        const auto outcome = mail::UpdateOutcome::from_bytes(said.rest);
        if (outcome) left = outcome.value().failed;
    }
    removed_ = asked - std::min(asked, left);
    context_.metrics.deletions += removed_;
    context_.metrics.deletions_failed += left;
    if (removed_ > 0 && context_.events.wants(state::EventType::dele)) {
        publish(state::EventType::dele, {{"messages", removed_}});
    }
    if (left > 0) {
        context_.events.log(state::Level::error, std::chrono::system_clock::now(),
                            "deleted messages not removed: " + std::to_string(left), id_, session_.user());
    }
    lock_.release();
    session_.updated(left, out);
    if (removed_ > 0) context_.trash.deleted_in(maildir());
}

} // namespace buzon::daemon
