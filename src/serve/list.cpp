#include "list.h"

namespace buzon::serve {

List::List(Listings& listings, login::Visit& visit, const pop3::Produce& wanted) : visit_{visit} {
    const message::Maildrop& maildrop = *visit.session.maildrop();
    if (!wanted.same_for_all || maildrop.count() < Listings::min_messages) return;
    shared_.emplace(listings, maildrop.shared_snapshot(), wanted.what);
}

login::Step List::go_on(net::Stream& stream) {
    if (stream.slow()) return login::Step::waits_for_client;
    const std::optional<net::FilePart> part = shared_ ? shared_->part() : std::nullopt;
    return part ? send(*part, stream) : produce(stream);
}

login::Step List::send(const net::FilePart& part, net::Stream& stream) {
    const posix::Transfer went = stream.send(part);
    if (went.what == posix::Moved::end) return login::Step::cut;
    shared_->part_sent(went.bytes);
    if (shared_->all_sent()) return login::Step::done;
    return stream.slow() ? login::Step::waits_for_client : login::Step::again;
}

login::Step List::produce(net::Stream& stream) {
    std::string& out = stream.out();
    const std::size_t at = out.size();
    const bool finished = visit_.session.produce(out, net::Stream::send_at);
    if (shared_) shared_->produced(std::string_view{out}.substr(at));
    if (finished) {
        if (shared_) shared_->finished();
        return login::Step::done;
    }
    if (stream.full()) stream.flush(true);
    return login::Step::again;
}

} // namespace buzon::serve
