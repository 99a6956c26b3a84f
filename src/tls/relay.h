// tls/relay.h - carries octets between a client and the TLS program without looking at them, by splice(2). Private to
// tls/.
#pragma once

#include <cstdint>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::tls {

// Octets in transit wait in pipes. A relay has a pipe only while the pipe holds something, so an idle relay has none.
// One empty pipe is kept for the next relay that needs one.
struct Pipe {
    posix::UniqueFd read_end, write_end;
    std::size_t held = 0;
};
class PipeRoom {
public:
    // If descriptors are short, a pipe that is not open.
    [[nodiscard]] Pipe take();
    // Keeps it for the next relay, or closes it. Does nothing with a pipe that is not open.
    void give_back(Pipe pipe) noexcept;
    // How many have been taken and not given back.
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

private:
    Pipe spare_;
    std::size_t in_use_ = 0;
};

class Relay;

class RelayOwner {
public:
    // Destroy the relay after this turn, not within this call.
    virtual void relay_ended(Relay& relay) noexcept = 0;

protected:
    ~RelayOwner() = default;
};

class Relay final : private event::TimerHandler, private event::Task {
public:
    Relay(event::EventLoop& loop, PipeRoom& pipes, RelayOwner& owner, std::uint64_t id, posix::UniqueFd client)
        : loop_{loop}, pipes_{pipes}, owner_{owner}, id_{id} {
        client_.fd = std::move(client);
    }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay() override = default;

    // `program`: connected to the program, or about to be. Returns our own port, by which the program will identify us;
    // 0: failed.
    [[nodiscard]] std::uint16_t start(posix::UniqueFd program);
    void end() noexcept;

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] int client_socket() const noexcept { return client_.fd.get(); }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] bool started() const noexcept { return static_cast<bool>(program_.fd); }
    // How much the client has taken: it grows as long as the client reads. Only differences mean something.
    [[nodiscard]] std::int64_t taken() const noexcept;

private:
    struct Side final : event::Handler {
        explicit Side(Relay& owner) : relay{owner} {}
        void on_ready(std::uint32_t events) override { relay.ready(events); }
        Relay& relay;
        posix::UniqueFd fd;
        event::Watch watch;
        Pipe pipe;         // what it has sent and the other side has not taken yet
        bool eof = false;  // it sends no more
        bool shut = false; // nothing more is sent to it
    };
    enum class Step : std::uint8_t { waits, used_its_share, lost };

    void ready(std::uint32_t events);
    void run() override { pump(); }
    void on_timer(event::Timer& which) override { &which == &linger_ ? end() : pump(); }
    void pump();
    [[nodiscard]] Step carry(Side& from, Side& to);
    [[nodiscard]] Step fill(Side& from);
    void throw_away(Side& from);

    event::EventLoop& loop_;
    PipeRoom& pipes_;
    RelayOwner& owner_;
    std::uint64_t id_;
    Side client_{*this}, program_{*this};
    event::Timer linger_{*this}; // the program has closed, and the client has not
    event::Timer retry_{*this};  // there was no descriptor for a pipe
    std::int64_t sent_ = 0;      // to the client's socket
    bool ended_ = false;
};

} // namespace buzon::tls
