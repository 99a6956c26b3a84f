// A process of a long-running program, and the message that it is working on.
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "process.h"

namespace buzon::filter {

using posix::Moved;
using posix::Transfer;

namespace {

constexpr int pieces_at_once = 8; // of at most 64 KiB
// Restarting the program costs less than reading more than this of an answer that is no longer wanted.
constexpr std::uint64_t most_to_drain = 1 << 20;

// To a pipe in non-blocking mode. SIGPIPE is ignored.
Transfer write_both(int pipe, std::string_view first, std::string_view second) noexcept {
    std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                               iovec{const_cast<char*>(second.data()), second.size()}};
    ssize_t n = 0;
    do n = ::writev(pipe, parts.data(), static_cast<int>(parts.size()));
    while (n < 0 && errno == EINTR);
    if (n > 0) return {Moved::some, static_cast<std::size_t>(n), {}};
    if (n == 0 || errno == EAGAIN) return {Moved::would_block};
    return {Moved::failed, 0, posix::last_error()};
}

} // namespace

void Process::begin(MessageSource& source, std::string_view about, const Limits& limits, MessageOwner& owner) {
    limits_ = limits;
    message_ = {};
    message_.owner = &owner;
    message_.source = &source;
    message_.size = source.size();
    message_.head.append("message ").append(std::to_string(message_.size)).append(" ").append(about) += '\n';
    paused_ = false;
    times_.began = event::Clock::now();
    if (state_ == State::idle) return hand_over();
    // It may have been starting for an earlier message: this one has a time limit of its own.
    times_.last = times_.began;
    if (limits_.without_progress.count() == 0) timer_.disarm();
    watch_the_clock();
}

void Process::hand_over() {
    std::array<char, 64> piece;
    // The program may have written something that the loop has not reported yet.
    if (const Transfer moved = posix::read_some(output_.fd.get(), piece); moved.what != Moved::would_block) {
        if (moved.what == Moved::some) return fault(Cause::protocol, "it wrote unrequested output");
        state_ = State::busy;
        parser_.expect();
        return output_ended();
    }
    state_ = State::busy;
    parser_.expect();
    times_.last = loop_.now();
    times_.unread = 0;
    watch_the_clock();
    feed();
}

// --- the message ---

void Process::feed() {
    if (state_ != State::busy || !message_.owner || !input_.fd || message_.outcome) return;
    for (int pieces = 0; pieces < pieces_at_once && !message_.given_whole(); ++pieces) {
        switch (give_some()) {
        case Given::some: continue;
        case Given::source_waits: return input_.watch.stop();
        case Given::pipe_full: pieces = pieces_at_once; break;
        case Given::closed:
            // It does not read the rest of the message. Its answer may still be complete, but it gets no further
            // message.
            input_.close();
            stale_ = true;
            message_.given = message_.head.size() + message_.size;
            return;
        case Given::fault: return;
        }
    }
    if (message_.given_whole()) return input_.watch.stop();
    if (input_.watch.active()) return;
    if (const std::error_code why = input_.watch.start(loop_, input_.fd.get(), EPOLLOUT, input_))
        fault(Cause::system, "its input: " + why.message());
}

Process::Given Process::give_some() {
    const std::string_view head =
        message_.given < message_.head.size() ? std::string_view{message_.head}.substr(message_.given) : "";
    const std::uint64_t offset = message_.given < message_.head.size() ? 0 : message_.given - message_.head.size();
    std::string_view octets;
    if (offset < message_.size) {
        const Transfer got = message_.source->read(offset, octets);
        if (got.what == Moved::would_block) return Given::source_waits;
        if (got.what != Moved::some) {
            fault(Cause::system, got.what == Moved::end ? "the message shrank while it was read"
                                                        : "the message cannot be read: " + got.why.message());
            return Given::fault;
        }
        octets = octets.substr(0, static_cast<std::size_t>(message_.size - offset));
    }
    const Transfer moved = write_both(input_.fd.get(), head, octets);
    if (moved.what == Moved::would_block) return Given::pipe_full;
    if (moved.what == Moved::failed) {
        if (moved.why.value() == EPIPE) return Given::closed;
        fault(Cause::system, "its input: " + moved.why.message());
        return Given::fault;
    }
    message_.given += moved.bytes;
    times_.last = loop_.now();
    return Given::some;
}

void Process::on_room() {
    feed();
    finish_when_complete();
    if (message_.outcome) tell();
}

// --- the answer ---

Transfer Process::read(std::span<char> into) {
    // Try more than once: a piece of the answer may contain no octets of the message. The next turn brings more.
    for (int tries = 0; tries < 4; ++tries) {
        finish_when_complete();
        if (message_.outcome) return {Moved::end};
        if (state_ != State::busy || !output_.fd || message_.answered || message_.silent) return {Moved::would_block};
        const Transfer got = posix::read_some(output_.fd.get(), into);
        if (got.what == Moved::would_block) return got;
        if (got.what == Moved::some) {
            if (const std::size_t octets = take_answer(into.first(got.bytes)); octets != 0)
                return {Moved::some, octets, {}};
        } else if (got.what == Moved::end) {
            output_ended();
        } else {
            fault(Cause::system, "its output: " + got.why.message());
        }
    }
    return {message_.outcome ? Moved::end : Moved::would_block};
}

// Moves the octets of the message to the front. 0: there are none yet, or the answer is broken.
std::size_t Process::take_answer(std::span<char> read) {
    if (!std::exchange(message_.heard, true) && answers_too_early()) {
        fault(Cause::protocol, "it answered before it read any of the message");
        return 0;
    }
    std::string_view input{read.data(), read.size()};
    std::size_t octets = 0;
    for (;;) {
        switch (parser_.next(input)) {
        case AnswerParser::What::more:
            if (octets != 0 || message_.answered) times_.last = loop_.now();
            return octets;
        case AnswerParser::What::octets:
            std::memmove(read.data() + octets, parser_.text().data(), parser_.text().size());
            octets += parser_.text().size();
            break;
        case AnswerParser::What::same: message_.same = true; [[fallthrough]];
        case AnswerParser::What::end: message_.answered = true; break;
        case AnswerParser::What::fail:
            message_.refusal = parser_.text();
            message_.answered = true;
            break;
        case AnswerParser::What::broken: fault(Cause::protocol, parser_.text()); return 0;
        default: break;
        }
    }
}

void Process::finish_when_complete() {
    if (state_ != State::busy || !message_.answered || !message_.given_whole() || message_.outcome) return;
    tell_lines(errors_.read_last());
    if (state_ != State::busy || message_.outcome) return; // the owner has left in that call
    message_.outcome.emplace();
    if (message_.refusal)
        *message_.outcome = {Cause::answer, key_.member.name() + ": " +
                                                (message_.refusal->empty() ? "it gave no reason" : *message_.refusal)};
    pool_.did_well(key_);
    times_.worked += event::Clock::now() - times_.began;
    // The CPU limit is for the whole process: replace it before it reaches the limit.
    const std::chrono::seconds limit{key_.resources.cpu_seconds};
    if (limit.count() != 0 && times_.worked > limit / 2) stale_ = true;
}

void Process::pause() noexcept {
    paused_ = true;
    output_.watch.stop(); // not interest 0: a pipe whose writers are gone would still report that in every turn
}

void Process::resume() {
    if (!std::exchange(paused_, false)) return;
    times_.last = loop_.now();
    if (!timer_.armed()) watch_the_clock();
    if (!output_.fd) return;
    if (const std::error_code why = output_.watch.start(loop_, output_.fd.get(), EPOLLIN, output_))
        fault(Cause::system, "its output: " + why.message());
}

void Process::leave() {
    message_.owner = nullptr;
    message_.source = nullptr;
    if (state_ == State::gone) return pool_.gone();
    if (!counts()) return;
    resume();
    if (!counts()) return;
    finish_when_complete(); // the owner may have left before read() could do this
    if (state_ == State::starting) {
        message_ = {};
    } else if (message_.outcome) {
        become_idle();
    } else if (!message_.given_whole()) {
        let_go(true);
    }
}

void Process::become_idle() {
    message_ = {};
    timer_.disarm();
    state_ = State::idle;
    times_.last = loop_.now();
    if (stale_) return let_go(false);
    pool_.became_idle();
}

// --- when there is output ---

void Process::on_output() {
    if (state_ == State::starting) return hear_hello();
    if (state_ == State::idle) return hear_when_idle();
    message_.silent = false;
    if (!message_.owner) return drain();
    message_.owner->on_process_output();
}

void Process::hear_hello() {
    std::array<char, 1024> piece;
    const Transfer got = posix::read_some(output_.fd.get(), piece);
    if (got.what == Moved::would_block) return;
    if (got.what != Moved::some) {
        got.what == Moved::end ? output_ended() : fault(Cause::system, "its output: " + got.why.message());
        return tell();
    }
    std::string_view input{piece.data(), got.bytes};
    AnswerParser::What what = parser_.next(input);
    if (what == AnswerParser::What::more) return;
    if (what == AnswerParser::What::hello && !input.empty()) what = parser_.next(input); // broken
    if (what != AnswerParser::What::hello) {
        fault(Cause::protocol, parser_.text());
        return tell();
    }
    if (!message_.owner) return become_idle();
    hand_over();
    if (message_.outcome) tell();
}

// There should be nothing to read, except perhaps the end.
void Process::hear_when_idle() {
    std::array<char, 64> piece;
    const Transfer got = posix::read_some(output_.fd.get(), piece);
    if (got.what == Moved::would_block) return;
    if (got.what == Moved::end) return output_ended();
    if (got.what == Moved::failed) return fault(Cause::system, "its output: " + got.why.message());
    fault(Cause::protocol, "it wrote unrequested output");
}

// Drops the rest of an answer that is no longer wanted.
void Process::drain() {
    const std::unique_ptr<char[]> piece{new char[64 * 1024]};
    for (int pieces = 0; pieces < pieces_at_once || message_.answered; ++pieces) {
        if (const Transfer got = read({piece.get(), 64 * 1024}); got.what == Moved::some) {
            message_.drained += got.bytes;
            if (message_.drained > most_to_drain) return let_go(true);
            continue;
        }
        if (message_.outcome && counts()) become_idle();
        return;
    }
}

} // namespace buzon::filter
