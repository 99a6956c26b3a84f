#include "buzon/admin/metrics_connection.h"

#include "buzon/event/memory.h"

namespace buzon::admin {
namespace {

using namespace std::chrono_literals;

// Longer than a scraper ever pauses within a request, and short enough to prevent abuse.
constexpr auto time_for_a_request = 30s;

} // namespace

MetricsConnection::MetricsConnection(event::EventLoop& loop, net::StreamRoom& room, MetricsOwner& owner,
                                     std::uint64_t id, posix::UniqueFd socket, std::function<std::string()> page)
    : loop_{loop}
    , owner_{owner}
    , id_{id}
    , stream_{room, std::move(socket), *this}
    , limit_{*this}
    , session_{std::move(page)} {}

void MetricsConnection::start() {
    limit_.arm(loop_.timers(), loop_.now() + time_for_a_request);
    if (stream_.start()) close();
}

// If it runs out of memory, only this connection ends.
void MetricsConnection::turn(std::string_view fresh) {
    if (closed_) return;
    event::guarded([&] { do_turn(fresh); },
                   [this] {
                       stream_.abandon();
                       close();
                   });
}

void MetricsConnection::do_turn(std::string_view fresh) {
    stream_.begin_turn(fresh);
    if (!stream_.slow()) answer(); // a client that does not read its response gets no more
    stream_.flush();
    const bool ended = stream_.state() != net::Stream::State::open && stream_.input().empty();
    if (stream_.is_cut() || (ended && stream_.queued() == 0)) close();
    if (!closed_ && !stream_.slow() && !stream_.input().empty()) loop_.next_turn(*this);
    stream_.end_turn(!pending());
}

void MetricsConnection::answer() {
    std::string_view& input = stream_.input();
    if (input.empty() || session_.closing()) return;
    input.remove_prefix(session_.feed(input, stream_.out()));
    if (!stream_.out().empty()) limit_.arm(loop_.timers(), loop_.now() + time_for_a_request);
    if (!session_.closing()) return;
    input = {};
    stream_.finish(true);
}

void MetricsConnection::close() {
    if (closed_) return;
    closed_ = true;
    cancel();
    limit_.disarm();
    stream_.cut();
    owner_.retire(*this);
}

} // namespace buzon::admin
