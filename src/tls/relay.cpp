#include "relay.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "buzon/net/address.h"
#include "buzon/posix/io.h"
#include "buzon/posix/result.h"

namespace buzon::tls {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t piece = 64 * 1024; // a pipe holds this much
constexpr std::size_t pieces_a_turn = 8; // a relay's share, before the others get theirs
constexpr auto time_for_goodbye = 5s;    // for a client to close after the program has
constexpr auto descriptor_retry = 20ms;  // descriptors become free as other clients read

constexpr unsigned splice_flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

} // namespace

Pipe PipeRoom::take() {
    if (spare_.read_end) {
        ++in_use_;
        return std::exchange(spare_, {});
    }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
    ++in_use_;
    return {posix::UniqueFd{ends[0]}, posix::UniqueFd{ends[1]}, 0};
}

void PipeRoom::give_back(Pipe pipe) noexcept {
    if (!pipe.read_end) return;
    --in_use_;
    if (pipe.held == 0 && !spare_.read_end) spare_ = std::move(pipe);
}

std::uint16_t Relay::start(posix::UniqueFd program) {
    program_.fd = std::move(program);
    const int on = 1;
    ::setsockopt(program_.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    net::SocketAddress own;
    own.length = sizeof own.storage;
    if (::getsockname(program_.fd.get(), static_cast<sockaddr*>(static_cast<void*>(&own.storage)), &own.length) != 0)
        return 0;
    if (client_.watch.start(loop_, client_.fd.get(), EPOLLIN, client_)) return 0;
    if (program_.watch.start(loop_, program_.fd.get(), EPOLLIN, program_)) return 0;
    return net::Endpoint::from(own.storage).port;
}

void Relay::ready(std::uint32_t events) {
    // A socket reports an error only once, to the call that meets it.
    if ((events & EPOLLERR) != 0) return end();
    pump();
}

void Relay::pump() {
    if (ended_ || !started()) return;
    const Step up = carry(client_, program_);
    const Step down = up == Step::lost ? Step::lost : carry(program_, client_);
    if (up == Step::lost || down == Step::lost) return end();
    if (client_.shut && client_.eof) return end();
    if (client_.shut && !linger_.armed()) linger_.arm(loop_.timers(), loop_.now() + time_for_goodbye);
    // While descriptors are short, the timer says when to read again. A hang-up is always reported; with EPOLLET not
    // again and again while there is nothing that we can do.
    const auto interest_of = [this](const Side& side, const Side& other) -> std::uint32_t {
        const bool reads = side.pipe.held == 0 && !side.eof && !retry_.armed();
        const std::uint32_t wanted = (reads ? EPOLLIN : 0U) | (other.pipe.held > 0 ? EPOLLOUT : 0U);
        return wanted != 0 ? wanted : static_cast<std::uint32_t>(EPOLLET);
    };
    client_.watch.interest(interest_of(client_, program_));
    program_.watch.interest(interest_of(program_, client_));
    if (program_.eof && program_.shut) program_.watch.stop(); // it would report its hang-up again and again
    if (up == Step::used_its_share || down == Step::used_its_share) loop_.next_turn(*this);
}

// Moves what `from` has sent to `to`, as far as `to` takes it.
Relay::Step Relay::carry(Side& from, Side& to) {
    if (&from == &client_ && program_.eof) {
        throw_away(from);
        return Step::waits;
    }
    for (std::size_t i = 0; i < pieces_a_turn; ++i) {
        if (from.pipe.held == 0) {
            if (!from.eof) {
                const Step step = fill(from);
                if (step == Step::lost) return step;
            }
            if (from.pipe.held == 0 && !from.eof) return Step::waits;
            if (from.pipe.held == 0) {
                if (!std::exchange(to.shut, true)) ::shutdown(to.fd.get(), SHUT_WR);
                return Step::waits;
            }
        }
        const ssize_t n =
            ::splice(from.pipe.read_end.get(), nullptr, to.fd.get(), nullptr, from.pipe.held, splice_flags);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return Step::waits;
        // The program has closed, but may have sent more before that.
        if (n <= 0 && &to == &program_ && (errno == EPIPE || errno == ECONNRESET)) {
            pipes_.give_back(std::exchange(from.pipe, {}));
            return Step::waits;
        }
        if (n <= 0) return Step::lost;
        if (&to == &client_) sent_ += n;
        from.pipe.held -= static_cast<std::size_t>(n);
        if (from.pipe.held == 0) pipes_.give_back(std::exchange(from.pipe, {}));
    }
    return Step::used_its_share;
}

Relay::Step Relay::fill(Side& from) {
    Pipe pipe = pipes_.take();
    if (!pipe.read_end) { // no descriptors are left
        if (!retry_.armed()) retry_.arm(loop_.timers(), loop_.now() + descriptor_retry);
        return Step::waits;
    }
    ssize_t n = 0;
    do {
        n = ::splice(from.fd.get(), nullptr, pipe.write_end.get(), nullptr, piece, splice_flags);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        pipe.held = static_cast<std::size_t>(n);
        from.pipe = std::move(pipe);
        return Step::waits;
    }
    pipes_.give_back(std::move(pipe));
    if (n == 0) from.eof = true;
    if (n < 0 && errno != EAGAIN) {
        if (&from == &client_) return Step::lost;
        from.eof = true; // the program has reset the connection, as it does after garbage
    }
    return Step::waits;
}

// Input from the client after the program has closed is useless, but must be read: otherwise the kernel answers it with
// a reset, and the client may never see the last reply.
void Relay::throw_away(Side& from) {
    pipes_.give_back(std::exchange(from.pipe, {}));
    std::array<char, 4096> room;
    for (std::size_t i = 0; i < 2 * pieces_a_turn; ++i) {
        const posix::Transfer got = posix::read_some(from.fd.get(), room);
        if (got.what == posix::Moved::some) continue;
        if (got.what != posix::Moved::would_block) from.eof = true;
        return;
    }
}

std::int64_t Relay::taken() const noexcept {
    int queued = 0; // not acknowledged yet
    return ::ioctl(client_.fd.get(), SIOCOUTQ, &queued) == 0 ? sent_ - queued : sent_;
}

void Relay::end() noexcept {
    if (std::exchange(ended_, true)) return;
    cancel();
    linger_.disarm();
    retry_.disarm();
    for (Side* side : {&client_, &program_}) {
        side->watch.stop();
        side->fd.reset();
        pipes_.give_back(std::exchange(side->pipe, {}));
    }
    owner_.relay_ended(*this);
}

} // namespace buzon::tls
