#include "buzon/daemon/metrics_connection.h"

#include <sys/socket.h>

#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

// Longer than any scraper pauses between its parts, shorter than anybody could make a nuisance of.
constexpr auto time_for_a_request = 30s;

} // namespace

MetricsConnection::MetricsConnection(Context& context, MetricsOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                                     std::function<std::string()> page)
    : context_{context}, owner_{owner}, id_{id}, socket_{std::move(socket)}, session_{std::move(page)} {}

void MetricsConnection::start() {
    limit_.arm(context_.loop.timers(), context_.loop.now() + time_for_a_request);
    if (watch_.start(context_.loop, socket_.get(), EPOLLIN, *this)) close();
}

void MetricsConnection::on_ready(std::uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return close();
    if (!output_.empty()) {
        if (flush()) take({});
        return;
    }
    const posix::Transfer got = posix::read_some(socket_.get(), context_.room.buffer());
    if (got.what == posix::Moved::some) return take({context_.room.buffer().data(), got.bytes});
    if (got.what != posix::Moved::would_block) close();
}

// Answers request after request, as long as the client takes the responses.
void MetricsConnection::take(std::string_view received) {
    input_ += received;
    while (!input_.empty() && !session_.closing()) {
        const std::size_t taken = session_.feed(input_, output_);
        input_.erase(0, taken);
        if (output_.empty()) break; // the beginning of a request
        limit_.arm(context_.loop.timers(), context_.loop.now() + time_for_a_request);
        if (!flush()) return;
    }
    if (input_.empty()) input_ = {};
}

// True: all has left, and the connection goes on.
bool MetricsConnection::flush() {
    while (sent_ < output_.size()) {
        const posix::Transfer sent = posix::send_some(socket_.get(), std::string_view{output_}.substr(sent_));
        if (sent.what == posix::Moved::would_block) {
            watch_.interest(EPOLLOUT); // no further request is read meanwhile
            return false;
        }
        if (sent.what != posix::Moved::some) {
            close();
            return false;
        }
        sent_ += sent.bytes;
    }
    output_ = {};
    sent_ = 0;
    if (session_.closing()) {
        close();
        return false;
    }
    watch_.interest(EPOLLIN);
    return true;
}

void MetricsConnection::close() {
    if (closed_) return;
    closed_ = true;
    watch_.stop();
    limit_.disarm();
    if (session_.closing()) posix::finish_sending(socket_.get());
    socket_.reset();
    owner_.retire(*this);
}

} // namespace buzon::daemon
