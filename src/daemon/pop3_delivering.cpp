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
    DeliveryOrder order{session_.maildrop()->snapshot(), index, maildir_, session_.user(), client_.address.ip, id_,
                        wanted.top_lines, session_.maildrop()->filtered_octets()};
    retr_ = !wanted.top_lines;
    work_began_ = event::Clock::now();
    reply_began_at_ = sent_ + out.size();   // behind what is on its way already
    reply_size_.reset();
    const filter::FilterSpec* const spec = context_.transforms.of(session_.user());
    delivery_ = spec ? deliver_filtered(context_, *this, std::move(order), *spec)
                     : deliver_file(context_, *this, std::move(order));
    doing_ = Doing::preparing;
}

// True: go on. False: wait for delivery_wakes().
bool Pop3Connection::prepare(std::string& out) {
    const std::size_t at = out.size();
    switch (delivery_->begin()) {
    case Delivery::Step::wait: return false;
    case Delivery::Step::refused:
        session_.delivery_refused(delivery_->refusal(), out);
        count_reply(out, at);
        delivery_.reset();
        doing_ = Doing::nothing;
        return true;
    default: break;
    }
    reply_size_ = delivery_->octets();
    session_.delivery_begins(reply_size_, out);
    count_reply(out, at);
    doing_ = Doing::delivering;
    return true;
}

bool Pop3Connection::pump(std::string& out) {
    if (const std::optional<FilePart> part = delivery_->part()) {
        const std::size_t went = send_part(*part, out);
        if (!closed_) delivery_->part_sent(went);
        return went == part->octets;
    }
    switch (delivery_->pull(out, send_at - std::min(out.size(), send_at - 1))) {
    case Delivery::Step::wait: return false;
    case Delivery::Step::broken:
        // Without the final "." line: no client may take a part for the whole.
        close(Ending::cut);
        return false;
    case Delivery::Step::done:
        delivery_.reset();
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
    const std::uint64_t octets = sent_ - reply_began_at_;
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
    listing_ = std::make_unique<ListingRun>(context_.listings, session_.maildrop()->shared_snapshot(), wanted.what);
}

// True: go on. False: the client takes no more for now, or has gone.
bool Pop3Connection::list_on(std::string& out) {
    active_ = context_.loop.now();
    if (const std::optional<FilePart> part = listing_ ? listing_->part() : std::nullopt) {
        const std::size_t went = send_part(*part, out);
        if (closed_) return false;
        listing_->part_sent(went);
        if (!listing_->all_sent()) return went == part->octets;
    } else {
        const std::size_t at = out.size();
        const bool finished = session_.produce(out, send_at);
        if (listing_) listing_->produced(std::string_view{out}.substr(at));
        if (!finished) return true;
        if (listing_) listing_->finished();
    }
    listing_.reset();
    doing_ = Doing::nothing;
    return true;
}

void Pop3Connection::update(std::string& out) {
    ending_ = Ending::quit;
    closing_ = true;
    const mail::Maildrop& maildrop = *session_.maildrop();
    if (!maildrop.wants_update()) {
        lock_.release();   // before the reply: who reads it may log in at once
        session_.updated(0, out);
        return;
    }
    closing_ = false;
    doing_ = Doing::updating;
    update_ = std::make_unique<UpdateOrder>(context_, *session_.maildrop(), maildir_, [this] { context_.loop.next_turn(*this); });
    update_on(out);
}

void Pop3Connection::update_on(std::string& out) {
    if (job_.waiting()) return;
    switch (update_->go_on()) {
    case UpdateOrder::Step::more: return context_.loop.next_turn(*this);
    case UpdateOrder::Step::wait: return;
    case UpdateOrder::Step::ready: break;
    case UpdateOrder::Step::failed: return updated({worker::Fate::refused, {}, {}}, out);
    }
    job_ = context_.disk.submit(update_->job(), [this](worker::Answer answer) {
        in_ = input_;
        turn([&](std::string& later) { updated(answer, later); });
    });
    update_.reset();
}

void Pop3Connection::updated(const worker::Answer& answer, std::string& out) {
    update_.reset();
    doing_ = Doing::nothing;
    closing_ = true;
    ending_ = Ending::quit;   // also for one that was kicked, or has left, meanwhile
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
    if (removed_ > 0) context_.trash.deleted_in(maildir_);
}

} // namespace buzon::daemon
