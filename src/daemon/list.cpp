#include "buzon/daemon/list.h"

namespace buzon::daemon {

List::List(Listings& listings, Visit& visit, const pop3::Produce& wanted) : visit_{visit} {
    const mail::Maildrop& maildrop = *visit.session.maildrop();
    if (!wanted.same_for_all || maildrop.count() < Listings::fewest_messages) return;
    shared_.emplace(listings, maildrop.shared_snapshot(), wanted.what);
}

Step List::go_on(net::Stream& stream) {
    if (stream.slow()) return Step::waits_for_client;
    const std::optional<net::FilePart> part = shared_ ? shared_->part() : std::nullopt;
    return part ? send(*part, stream) : produce(stream);
}

Step List::send(const net::FilePart& part, net::Stream& stream) {
    const posix::Transfer went = stream.send(part);
    if (went.what == posix::Moved::end) return Step::cut;
    shared_->part_sent(went.bytes);
    if (shared_->all_sent()) return Step::done;
    return stream.slow() ? Step::waits_for_client : Step::again;
}

Step List::produce(net::Stream& stream) {
    std::string& out = stream.out();
    const std::size_t at = out.size();
    const bool finished = visit_.session.produce(out, net::Stream::send_at);
    if (shared_) shared_->produced(std::string_view{out}.substr(at));
    if (finished) {
        if (shared_) shared_->finished();
        return Step::done;
    }
    if (stream.full()) stream.flush(true);
    return Step::again;
}

} // namespace buzon::daemon
