// net/stream.h - one connected socket: octets in, octets out, buffered, never waiting. Knows no protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::net {

// Octets of a file that may go to the peer as they lie there, and are in memory.
struct FilePart {
    int file; // borrowed
    std::uint64_t offset;
    std::size_t octets;
};

class Stream;

// Buffers that all streams of a loop share: each uses them during its turn alone, so an idle stream owns none.
class StreamRoom {
public:
    static constexpr std::size_t input_size = 16 * 1024; // octets read at once

    explicit StreamRoom(event::EventLoop& loop) : loop_{loop} {}
    // For whoever reads a socket without a stream, until the next stream reads.
    [[nodiscard]] std::span<char> buffer() noexcept { return {buffer_.get(), input_size}; }

private:
    friend class Stream;
    event::EventLoop& loop_;
    std::unique_ptr<char[]> buffer_{new char[input_size]};
    const Stream* turn_of_ = nullptr; // whose the rest is
    std::string_view input_;          // what is still to be worked through
    std::string output_;              // what has not left yet
};

// What a stream tells its owner. In any of these the owner may cut the stream, but not destroy it.
class StreamEvents {
public:
    // Octets have come, or the peer's end (state()). Begin a turn with them; they are good during this call.
    virtual void on_input(std::string_view fresh) = 0;
    // The peer has taken all that was queued: go on.
    virtual void on_room() = 0;
    // The peer has ended its side while nobody wanted input. It may wait for replies, or have left for good.
    virtual void on_half_closed() {}
    // The connection is lost, the stream is cut.
    virtual void on_lost() = 0;
    // So many octets have left.
    virtual void on_sent(std::size_t) {}

protected:
    ~StreamEvents() = default;
};

//   open ──── the peer's end ────► half_closed
//    │  ╲                              │  ╲
//    │   ╲── finish() ──► draining ◄── finish()
//    │                       │         │
//    └─── lost, or cut() ────┴─────────┴────► cut
//
// open         both sides may send.
// half_closed  The peer has sent its last octet. It still gets its replies: `nc -N` waits for them.
// draining     Nothing more is read. When nothing is queued any more, the owner cuts the stream.
// cut          There is no socket. Unread input was taken before: else the kernel would answer it with a reset, and the
//              peer might never see our last reply.
//
// Two marks keep the pressure: the owner sends, by flush(), when full() octets have come together; and when the peer
// does not take them (slow()), the owner makes no more until on_room(), when all have left.
//
//     begin_turn(fresh); take lines off input(), append replies to out(), flush() when full(); end_turn()
class Stream final : private event::Handler {
public:
    enum class State : std::uint8_t { open, half_closed, draining, cut };
    static constexpr std::size_t send_at = 64 * 1024;

    // Both must outlive us.
    Stream(StreamRoom& room, posix::UniqueFd socket, StreamEvents& events);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // From now on the events are told. Fails as event::Watch::start() does.
    [[nodiscard]] std::error_code start();

    // --- a turn; there is one at a time in a loop, and it ends, also when the stream is cut in it ---

    void begin_turn(std::string_view fresh = {});
    // What has come and was not worked through, also in earlier turns. Take octets off its front.
    [[nodiscard]] std::string_view& input() noexcept { return room_.input_; }
    // Append here what the peer shall get.
    [[nodiscard]] std::string& out();
    [[nodiscard]] bool full() { return out().size() >= send_at; }
    // True: everything has left. False: the peer takes no more for now, or the stream is cut. more: what follows at
    // once may share a segment with it; the kernel keeps the end back for that, 200 ms at most.
    bool flush(bool more = false);
    // Sends what is in out(), and then as much of the part as the peer takes now: some octets of it, all of them or
    // fewer; or would_block; or end, where the file is shorter than the part; or failed, and the stream is cut.
    [[nodiscard]] posix::Transfer send(const FilePart& part);
    // Keeps what is left of input(); whoever wants no input hears of it in the turn that does.
    void end_turn(bool wants_input);

    // --- at any time ---

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool is_cut() const noexcept { return state_ == State::cut; }
    // Octets that the peer has not taken yet. Within a turn: as of the last flush().
    [[nodiscard]] std::size_t queued() const noexcept {
        return waiting_ ? waiting_->output.size() - waiting_->sent : 0;
    }
    // The peer takes no more for now: on_room() will tell.
    [[nodiscard]] bool slow() const noexcept { return full_ || queued() > 0; }
    [[nodiscard]] bool keeps_input() const noexcept { return waiting_ && !waiting_->input.empty(); }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
    // How many octets will have been sent when all that is in out() now has left.
    [[nodiscard]] std::uint64_t position() { return sent_ + out().size() - (slow() && waiting_ ? waiting_->sent : 0); }
    [[nodiscard]] int socket() const noexcept { return socket_.get(); }

    // The peer took some of what the kernel holds, since we looked last. A slow reader does so long before the kernel
    // asks us for more.
    [[nodiscard]] bool peer_reads() noexcept;
    // Nothing is unread but the peer's end.
    [[nodiscard]] bool peer_has_ended() const noexcept;

    // No further input. peer_talks: it may be in the middle of sending.
    void finish(bool peer_talks) noexcept;
    // At once: what is queued is lost.
    void cut() noexcept;
    // The same in the middle of a turn that could not be ended: it found no memory.
    void abandon() noexcept;

private:
    // What an idle stream does not have.
    struct Waiting {
        std::string input;
        std::string output;
        std::size_t sent = 0; // of output
    };

    void on_ready(std::uint32_t events) override;
    void read();
    void peek();
    void push();
    void lose();
    void gone() noexcept;
    void count(std::size_t octets);
    void keep_rest();
    [[nodiscard]] Waiting& waiting();

    StreamRoom& room_;
    StreamEvents& events_;
    posix::UniqueFd socket_;
    int kernel_holds_ = 0; // octets, when we looked last
    event::Watch watch_;
    std::unique_ptr<Waiting> waiting_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    State state_ = State::open;
    bool wants_input_ = true;
    bool full_ = false;  // a file's part waits for room
    bool unread_ = true; // octets of the peer's may be there
};

} // namespace buzon::net
