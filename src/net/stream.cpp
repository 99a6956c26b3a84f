#include "buzon/net/stream.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "buzon/posix/file_view.h"

namespace buzon::net {
namespace {

using posix::Moved;

// Octets handed to the kernel and not yet acknowledged by the peer.
int octets_in_kernel(int socket) noexcept {
    int octets = 0;
    return ::ioctl(socket, SIOCOUTQ, &octets) == 0 ? octets : 0;
}

} // namespace

Stream::Stream(StreamRoom& room, posix::UniqueFd socket, StreamEvents& events)
    : room_{room}, events_{events}, socket_{std::move(socket)} {}

Stream::~Stream() {
    cut();
}

std::error_code Stream::start() {
    return watch_.start(room_.loop_, socket_.get(), EPOLLIN, *this);
}

// --- a turn ---

void Stream::begin_turn(std::string_view fresh) {
    assert(!room_.turn_of_);
    room_.turn_of_ = this;
    if (!keeps_input()) {
        room_.input_ = fresh;
    } else {
        posix::WipedString joined; // it may hold a password, and growing would leave a copy behind
        joined.reserve(waiting_->input.size() + fresh.size());
        joined.append(waiting_->input).append(fresh);
        std::swap(waiting_->input, joined);
        room_.input_ = waiting_->input;
    }
    room_.output_.clear();
}

std::string& Stream::out() {
    assert(room_.turn_of_ == this);
    return slow() ? waiting().output : room_.output_;
}

bool Stream::flush(bool more) {
    assert(room_.turn_of_ == this);
    std::string& out = room_.output_;
    if (is_cut()) { // discard it
        out.clear();
        return true;
    }
    if (slow()) return false;
    std::size_t done = 0;
    while (done < out.size()) {
        const posix::Transfer went = posix::send_some(socket_.get(), std::string_view{out}.substr(done), more);
        if (went.what == Moved::would_block) break;
        if (went.what != Moved::some) {
            gone();
            return false;
        }
        done += went.bytes;
    }
    if (done > 0) count(done);
    const bool all = done == out.size();
    if (!all) {
        waiting().output.assign(out, done);
        waiting().sent = 0;
        kernel_holds_ = octets_in_kernel(socket_.get());
    }
    out.clear();
    return all;
}

posix::Transfer Stream::send(const FilePart& part) {
    if (!flush(true)) return {is_cut() ? Moved::failed : Moved::would_block};
    if (is_cut()) return {Moved::failed};
    const posix::Transfer went = posix::send_file(socket_.get(), part.file, part.offset, part.octets);
    if (went.what == Moved::failed) gone();
    if (went.what == Moved::some) count(went.bytes);
    full_ = went.what == Moved::would_block || (went.what == Moved::some && went.bytes < part.octets);
    if (full_) kernel_holds_ = octets_in_kernel(socket_.get());
    return went;
}

void Stream::end_turn(bool wants_input) {
    assert(room_.turn_of_ == this);
    room_.turn_of_ = nullptr;
    keep_rest();
    if (waiting_ && waiting_->input.empty() && queued() == 0) waiting_.reset();
    if (is_cut()) return;
    unread_ = true; // input may arrive from now on
    wants_input_ = wants_input && state_ == State::open;
    if (slow()) return watch_.interest(EPOLLOUT);
    // Interest in unwanted input stays: most work is done before the peer sends again, so this saves system calls.
    // peek() removes it when input does arrive.
    if (wants_input_)
        watch_.interest(EPOLLIN);
    else if (watch_.interest() & EPOLLOUT)
        watch_.interest(0);
}

// Keeps unprocessed input in a buffer of this stream.
void Stream::keep_rest() {
    std::string_view rest = std::exchange(room_.input_, {});
    if (is_cut()) rest = {};
    if (rest.empty()) {
        if (waiting_) posix::WipedString{}.swap(waiting_->input); // free the buffer when it is not needed
        return;
    }
    posix::WipedString& kept = waiting().input;
    if (rest.data() < kept.data() || rest.data() >= kept.data() + kept.size()) {
        kept.assign(rest);
        posix::wipe(rest);
    } else {
        kept.erase(0, static_cast<std::size_t>(rest.data() - kept.data()));
    }
}

Stream::Waiting& Stream::waiting() {
    if (!waiting_) waiting_ = std::make_unique<Waiting>();
    return *waiting_;
}

void Stream::count(std::size_t octets) {
    sent_ += octets;
    events_.on_sent(octets);
}

// --- readiness ---

void Stream::on_ready(std::uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return lose();
    if ((events & EPOLLOUT) && slow()) return push();
    if (events & (EPOLLIN | EPOLLRDHUP)) wants_input_ ? read() : peek();
}

void Stream::push() {
    full_ = false;
    if (queued() > 0) {
        const posix::Transfer went =
            posix::send_some(socket_.get(), std::string_view{waiting_->output}.substr(waiting_->sent));
        if (went.what == Moved::failed || went.what == Moved::end) return lose();
        if (went.what == Moved::some) {
            waiting_->sent += went.bytes;
            count(went.bytes);
        }
        if (queued() > 0) return;
        waiting_->output = {};
        waiting_->sent = 0;
    }
    events_.on_room();
}

void Stream::read() {
    const posix::Transfer got = posix::read_some(socket_.get(), room_.buffer());
    switch (got.what) {
    case Moved::would_block: return;
    case Moved::failed: return lose();
    case Moved::end: state_ = State::half_closed; break;
    case Moved::some:
        received_ += got.bytes;
        unread_ = got.bytes == StreamRoom::input_size;
        break;
    }
    events_.on_input({room_.buffer_.get(), got.bytes});
}

// The peer sent something, or closed its side, while input is not wanted. Input is read only when it can be processed;
// but if the peer closed without sending anything before, it may be gone.
void Stream::peek() {
    char octet = 0;
    const ssize_t n = ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return lose();
    watch_.interest(slow() ? EPOLLOUT : 0u);
    if (n != 0 || state_ != State::open) return;
    state_ = State::half_closed;
    events_.on_half_closed();
}

bool Stream::peer_reads() noexcept {
    if (is_cut()) return false;
    const int held = octets_in_kernel(socket_.get());
    const bool reads = held > 0 && (held < kernel_holds_ || kernel_holds_ == 0);
    kernel_holds_ = held;
    return reads;
}

bool Stream::peer_has_read_all() const noexcept {
    return is_cut() || (queued() == 0 && octets_in_kernel(socket_.get()) == 0);
}

bool Stream::peer_has_ended() const noexcept {
    char octet = 0;
    return !is_cut() && ::recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// --- the end ---

void Stream::finish(bool peer_talks) noexcept {
    if (is_cut()) return;
    state_ = State::draining;
    if (peer_talks) unread_ = true;
}

posix::UniqueFd Stream::release() noexcept {
    watch_.stop();
    posix::UniqueFd socket = std::move(socket_);
    gone();
    return socket;
}

void Stream::discard_input() noexcept {
    room_.input_ = {};
    if (waiting_) waiting_->input = {};
    int left = 0; // a peer may send faster than we read, so what arrives from now on stays
    if (is_cut() || ::ioctl(socket_.get(), FIONREAD, &left) != 0) return;
    char octets[4096];
    while (left > 0) {
        const auto most = std::min(sizeof octets, static_cast<std::size_t>(left));
        const ssize_t n = ::recv(socket_.get(), octets, most, MSG_DONTWAIT);
        if (n <= 0) return;
        left -= static_cast<int>(n);
    }
}

void Stream::cut() noexcept {
    if (is_cut()) return;
    const bool rest = room_.turn_of_ == this && !room_.input_.empty();
    if (unread_ || rest) posix::finish_sending(socket_.get());
    gone();
}

void Stream::abandon() noexcept {
    cut();
    if (room_.turn_of_ != this) return;
    room_.turn_of_ = nullptr;
    room_.input_ = {};
    room_.output_.clear();
}

void Stream::lose() {
    gone();
    events_.on_lost();
}

void Stream::gone() noexcept {
    state_ = State::cut;
    full_ = false;
    watch_.close(socket_);
    if (!waiting_) return;
    waiting_->output = {};
    waiting_->sent = 0;
}

} // namespace buzon::net
