#include "host.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace buzon::filter {

std::string End::text() const {
    if (!killed) return code < 0 ? "exit status unknown" : "exit status " + std::to_string(code);
    const char* const name = ::sigabbrev_np(code);
    std::string text = name ? std::string{"killed by SIG"} + name : "killed by signal " + std::to_string(code);
    if (code == SIGXCPU) text += " (CPU time limit exceeded)";
    if (code == SIGXFSZ) text += " (file size limit exceeded)";
    return text;
}

Host::~Host() {
    watch_.stop();
    if (lease_) lease_->host_ = nullptr;
}

std::error_code Host::begin(keeper::Starter& starter, keeper::Role role) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return posix::last_error();
    posix::UniqueFd theirs{ends[1]};
    socket_.reset(ends[0]);
    if (::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
    if (const std::error_code why = watch_.start(loop_, socket_.get(), EPOLLIN, *this)) return why;
    return child_.start(starter, {role, owner_.ids, owner_.maildir, owner_.alone}, std::move(theirs));
}

std::error_code Host::start(const Program& program, ProgramEvents& events) {
    if (!socket_) return {EPIPE, std::system_category()};
    const std::string octets = encode(program);
    if (octets.empty()) return {E2BIG, std::system_category()};
    // Never would_block: a free host has read everything we sent, and the socket of a new one is still empty.
    const posix::Transfer sent = send_start(socket_.get(), octets, program);
    if (sent.what != posix::Moved::some) {
        close(); // it was killed while it was free
        return sent.what == posix::Moved::failed ? sent.why : std::error_code{EAGAIN, std::system_category()};
    }
    events_ = &events;
    state_ = State::starting;
    return {};
}

void Host::ask(HostRequest kind, int number) noexcept {
    const SignalRequest request{kind, number};
    const std::span<const char> octets{reinterpret_cast<const char*>(&request), sizeof request};
    if (send_to(socket_.get(), octets, {}).what == posix::Moved::some) return;
    // The host then kills everything. The loop reports the end here, and socket_ended() passes it on.
    ::shutdown(socket_.get(), SHUT_RDWR);
}

void Host::signal(int number) noexcept {
    if (socket_ && (state_ == State::running || state_ == State::starting)) ask(HostRequest::signal, number);
}

void Host::look() noexcept {
    if (socket_ && state_ == State::running) ask(HostRequest::look, 0);
}

void Host::lease_gone() noexcept {
    lease_ = nullptr;
    events_ = nullptr;
    if (!socket_) return;
    if (state_ == State::free) return set_free();
    if (state_ != State::ended) ask(HostRequest::kill, SIGKILL);
    state_ = State::clearing;
}

void Host::close() noexcept {
    watch_.stop();
    socket_.reset();
    child_.forget();
    hosts_.gone(*this);
}

void Host::on_ready(std::uint32_t) {
    for (int i = 0; i < 4; ++i) { // about as many replies as one program causes
        HostReply reply;
        Descriptors descriptors;
        const std::span<char> into{reinterpret_cast<char*>(&reply), sizeof reply};
        const posix::Transfer got = receive_from(socket_.get(), into, descriptors, false);
        if (got.what == posix::Moved::would_block) return;
        if (got.what == posix::Moved::end) return socket_ended();
        if (got.what != posix::Moved::some || got.bytes != sizeof reply) return lost();
        if (!hear(reply, descriptors)) return;
    }
}

// False: read no more for now; this may have been destroyed.
bool Host::hear(const HostReply& reply, Descriptors& descriptors) {
    ProgramEvents* const events = events_;
    switch (reply.what) {
    case Told::started:
        if (state_ == State::clearing) return true;
        if (state_ != State::starting || reply.pid <= 0) break;
        state_ = State::running;
        if (descriptors.front()) events->on_watched(std::move(descriptors.front()));
        events->on_started(reply.pid);
        return false;
    case Told::refused:
        if (state_ != State::starting && state_ != State::clearing) break;
        events_ = nullptr;
        set_free();
        if (events) events->on_refused({reply.value, std::system_category()}, name_of(reply.step));
        return false;
    case Told::ended: {
        if (state_ == State::starting && reply.pid > 0) {
            state_ = State::running;
            events->on_started(reply.pid);
        }
        if (state_ != State::running && state_ != State::clearing) break;
        ProgramEvents* const still = std::exchange(events_, nullptr); // on_started() may have released the lease
        if (reply.free != 0)
            set_free();
        else if (state_ == State::running)
            state_ = State::ended;
        if (still) still->on_program_ended({reply.killed != 0, reply.value});
        return false;
    }
    case Told::input:
        if (state_ == State::clearing) return true;
        if (state_ != State::running) break;
        events->on_input(reply.value);
        return false;
    case Told::free:
        if (state_ != State::ended && state_ != State::clearing) break;
        set_free();
        return false;
    }
    lost();
    return false;
}

void Host::retire() noexcept {
    last_ = true;
    if (socket_ && state_ == State::free) close();
}

void Host::set_free() noexcept {
    state_ = State::free;
    if (last_) return close();
    free_since_ = loop_.now();
    if (!lease_) hosts_.became_free(*this);
}

// If its process was never started, on_no_start() follows with the reason.
void Host::socket_ended() {
    if (state_ == State::starting && child_.running() && child_.pid() == 0)
        watch_.stop();
    else
        lost();
}

// Hosts destroys it in the next turn.
void Host::lost() {
    ProgramEvents* const events = std::exchange(events_, nullptr);
    close();
    if (events) events->on_host_lost();
}

// Normally its socket reports the end, after everything that the host has sent.
void Host::on_exit(int) {
    if (socket_ && !watch_.active()) lost();
}

void Host::on_no_start(std::error_code why) {
    if (!socket_) return;
    ProgramEvents* const events = std::exchange(events_, nullptr);
    close();
    if (events) events->on_refused(why, "host");
}

} // namespace buzon::filter
