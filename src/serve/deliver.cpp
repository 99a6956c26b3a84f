#include "deliver.h"

#include <algorithm>

#include "buzon/serve/transforms.h"

namespace buzon::serve {

Deliver::Deliver(DeliveryNeeds& needs, login::Visit& visit, login::TaskOwner& owner, const pop3::Deliver& wanted)
    : needs_{needs}, visit_{visit}, whole_{!wanted.top_lines} {
    const message::Maildrop& maildrop = *visit.session.maildrop();
    DeliveryOrder order{maildrop.snapshot(),
                        message::Maildrop::index(wanted.number),
                        visit.maildir,
                        visit.owner,
                        visit.local,
                        visit.here,
                        visit.session.user(),
                        visit.client.address.ip,
                        visit.id,
                        wanted.top_lines,
                        needs.settings.utf8_strict && !visit.session.utf8()};
    const filter::FilterSpec* const spec = needs.transforms.of(visit.session.user());
    if (spec)
        delivery_ = deliver_filtered(needs, owner, std::move(order), *spec);
    else
        delivery_ =
            visit.local ? deliver_file(needs, owner, std::move(order)) : deliver_pieces(needs, owner, std::move(order));
}

login::Step Deliver::go_on(net::Stream& stream) {
    if (!began_at_) began_at_ = stream.position();
    if (stream.slow()) {
        if (delivery_) delivery_->pause();
        return login::Step::waits_for_client;
    }
    switch (state_) {
    case State::opening: return open(stream);
    case State::sending: return send(stream);
    case State::leaving: break;
    }
    return leave(stream);
}

login::Step Deliver::open(net::Stream& stream) {
    switch (delivery_->begin()) {
    case Delivery::Step::wait: return login::Step::waits_for_worker;
    case Delivery::Step::refused:
        visit_.session.delivery_refused(delivery_->refusal(), stream.out());
        return login::Step::done;
    default: break;
    }
    size_ = delivery_->octets();
    visit_.session.delivery_begins(size_, stream.out());
    state_ = State::sending;
    return login::Step::again;
}

login::Step Deliver::send(net::Stream& stream) {
    if (const std::optional<net::FilePart> part = delivery_->part()) {
        const posix::Transfer went = stream.send(*part);
        if (went.what == posix::Moved::end)
            return login::Step::cut; // the file was truncated; a part must not look like the whole
        delivery_->part_sent(went.bytes);
        return stream.slow() ? login::Step::waits_for_client : login::Step::again;
    }
    const std::size_t before = std::min(stream.out().size(), net::Stream::send_at - 1);
    switch (delivery_->pull(stream.out(), net::Stream::send_at - before)) {
    case Delivery::Step::wait: return login::Step::waits_for_worker;
    case Delivery::Step::broken: return login::Step::cut;
    case Delivery::Step::done:
        delivery_.reset();
        state_ = State::leaving;
        return leave(stream);
    default: break;
    }
    // Puts the end of one piece and the start of the next into one segment.
    if (stream.full()) stream.flush(true);
    return login::Step::again;
}

// A message counts as retrieved when its last octet has been handed to the kernel.
login::Step Deliver::leave(net::Stream& stream) {
    if (!stream.flush()) return login::Step::waits_for_client;
    delivered(stream.sent() - *began_at_);
    return login::Step::done;
}

void Deliver::delivered(std::uint64_t octets) {
    visit_.session.delivered();
    state::Metrics& metrics = needs_.metrics;
    if (whole_) {
        ++visit_.retrieved;
        ++metrics.messages;
        const auto lasted = std::chrono::duration_cast<std::chrono::microseconds>(event::Clock::now() - began_);
        metrics.retr_time.observe(static_cast<state::Count>(lasted.count()));
        metrics.retr_bytes += octets;
    } else {
        ++metrics.top_replies;
        metrics.top_bytes += octets;
    }
    visit_.publish(needs_.events, whole_ ? state::EventType::retr : state::EventType::top, {{"octets", octets}});
}

login::TaskView Deliver::view() const {
    return {whole_ ? "RETR" : "TOP", delivery_ ? delivery_->program() : std::string{}, began_at_, size_};
}

} // namespace buzon::serve
