// net/stream.h - one connected, non-blocking socket with buffers.
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
#include "buzon/posix/secret_text.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::net {

// Octets of a file that can be sent to the peer unchanged and are in memory.
struct FilePart {
    int file; // borrowed
    std::uint64_t offset;
    std::size_t octets;
};

class Stream;

// Buffers shared by all streams of a loop. A stream uses them only during its turn, so an idle stream has none.
class StreamRoom {
public:
    static constexpr std::size_t input_size = 16 * 1024; // octets read at once

    explicit StreamRoom(event::EventLoop& loop) : loop_{loop} {}
    // For code that reads a socket without a stream; valid until the next stream reads.
    [[nodiscard]] std::span<char> buffer() noexcept { return {buffer_.get(), input_size}; }

private:
    friend class Stream;
    event::EventLoop& loop_;
    std::unique_ptr<char[]> buffer_{new char[input_size]};
    const Stream* turn_of_ = nullptr; // the stream whose turn it is
    std::string_view input_;          // input not yet processed
    std::string output_;              // output not yet sent
};

// Callbacks to the owner, which may cut the stream in any of them, but not destroy it.
class StreamEvents {
public:
    // Input has arrived, or the peer has closed its side (state()). Pass `fresh` to begin_turn(); it is valid only
    // during this call.
    virtual void on_input(std::string_view fresh) = 0;
    // All queued output has been sent: continue.
    virtual void on_room() = 0;
    // The peer closed its side while no input was wanted. It may be waiting for replies, or be gone.
    virtual void on_half_closed() {}
    // The connection is lost and the stream is cut.
    virtual void on_lost() = 0;
    // This many octets have been sent.
    virtual void on_sent(std::size_t) {}

protected:
    ~StreamEvents() = default;
};

//   open ─── the peer closed ────► half_closed
//    │  ╲                              │  ╲
//    │   ╲── finish() ──► draining ◄── finish()
//    │                       │         │
//    └─── lost, or cut() ────┴─────────┴────► cut
//
// open         both sides may send.
// half_closed  The peer has sent its last octet. It still gets its replies: `nc -N` waits for them.
// draining     Nothing more is read. Once nothing is queued, the owner cuts the stream.
// cut          There is no socket. Unread input was read first: otherwise the kernel would answer it with a reset, and
//              the peer might never see our last reply.
//
// Backpressure works at two levels. The owner calls flush() once out() is full(). While the peer does not keep up
// (slow()), the owner produces nothing more until on_room(), when everything has been sent.
//
//     begin_turn(fresh); take lines off input(), append replies to out(), flush() when full(); end_turn()
class Stream final : private event::Handler {
public:
    enum class State : std::uint8_t { open, half_closed, draining, cut };
    static constexpr std::size_t send_at = 64 * 1024;

    // `room` and `events` must outlive the stream.
    Stream(StreamRoom& room, posix::UniqueFd socket, StreamEvents& events);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // Starts the callbacks. Fails as event::Watch::start() does.
    [[nodiscard]] std::error_code start();

    // --- a turn: one at a time in a loop; end it even if the stream was cut during it ---

    void begin_turn(std::string_view fresh = {});
    // Unprocessed input, including that of earlier turns. Remove octets from its front.
    [[nodiscard]] std::string_view& input() noexcept { return room_.input_; }
    // Append output for the peer here.
    [[nodiscard]] std::string& out();
    [[nodiscard]] bool full() { return out().size() >= send_at; }
    // True: everything was sent. False: the peer takes no more for now, or the connection was lost just now. If the
    // stream was cut before, discards the output and returns true. more: more output follows at once and may share a
    // segment; the kernel holds the last part back for up to 200 ms.
    bool flush(bool more = false);
    // Sends out(), then as much of the part as the peer takes now. Returns how many octets of the part were sent; or
    // would_block; or end, if the file is shorter than the part; or failed, in which case the stream is cut.
    [[nodiscard]] posix::Transfer send(const FilePart& part);
    // Keeps the rest of input() for the next turn. wants_input: whether to read more before then.
    void end_turn(bool wants_input);

    // --- at any time ---

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool is_cut() const noexcept { return state_ == State::cut; }
    // Octets not yet taken by the peer. During a turn: as of the last flush().
    [[nodiscard]] std::size_t queued() const noexcept {
        return waiting_ ? waiting_->output.size() - waiting_->sent : 0;
    }
    // The peer takes no more for now; on_room() will be called.
    [[nodiscard]] bool slow() const noexcept { return full_ || queued() > 0; }
    [[nodiscard]] bool keeps_input() const noexcept { return waiting_ && !waiting_->input.empty(); }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
    // How many octets will have been sent once the current out() has been sent.
    [[nodiscard]] std::uint64_t position() { return sent_ + out().size() - (slow() && waiting_ ? waiting_->sent : 0); }
    [[nodiscard]] int socket() const noexcept { return socket_.get(); }

    // Whether the kernel's send buffer has shrunk since the last call. With a slow reader it does so long before the
    // kernel reports the socket as writable.
    [[nodiscard]] bool peer_reads() noexcept;
    // Whether the peer has taken all that was sent: with a Unix socket, has read it.
    [[nodiscard]] bool peer_has_read_all() const noexcept;
    // Whether the peer has closed its side and the socket holds no more unread input.
    [[nodiscard]] bool peer_has_ended() const noexcept;

    // Ends input. peer_talks: the peer may be in the middle of sending.
    void finish(bool peer_talks) noexcept;
    // Hands the socket over to the caller; the stream then counts as cut. Unprocessed input is lost.
    [[nodiscard]] posix::UniqueFd release() noexcept;
    // Discards input(), and reads and discards what else has arrived by now.
    void discard_input() noexcept;
    // Closes at once; queued output is lost.
    void cut() noexcept;
    // The same in the middle of a turn that ran out of memory and cannot be ended.
    void abandon() noexcept;

private:
    // Allocated only while there is something to keep.
    struct Waiting {
        posix::WipedString input;
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
    int kernel_holds_ = 0; // octets, at the last check
    event::Watch watch_;
    std::unique_ptr<Waiting> waiting_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    State state_ = State::open;
    bool wants_input_ = true;
    bool full_ = false;  // a file part is waiting for room
    bool unread_ = true; // the socket may hold unread input
};

} // namespace buzon::net
