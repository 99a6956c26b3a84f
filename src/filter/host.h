// filter/host.h - one filter host as the reactor sees it.
//
//   free ── start() ──► busy ── ended ──► busy, the program has ended ── free ──► free
//                         └── lease released ──► clearing ─────────────── free ──┘
//   its socket closes, or it breaks the protocol: gone
//   retire(): gone, once it is free
#pragma once

#include "buzon/filter/hosts.h"

namespace buzon::filter {

class Host final : private event::Handler, private keeper::ChildEvents {
public:
    Host(event::EventLoop& loop, Hosts& hosts, const ProgramOwner& owner) : loop_{loop}, hosts_{hosts}, owner_{owner} {}
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host();

    [[nodiscard]] std::error_code begin(keeper::Starter& starter, keeper::Role role);
    [[nodiscard]] std::error_code start(const Program& program, ProgramEvents& events);
    void signal(int number) noexcept;
    void look() noexcept;
    void lease_gone() noexcept;

    [[nodiscard]] bool free() const noexcept { return state_ == State::free && socket_ && !lease_; }
    [[nodiscard]] bool starting() const noexcept { return state_ == State::starting && socket_; }
    [[nodiscard]] bool gone() const noexcept { return !socket_; }
    [[nodiscard]] const ProgramOwner& owner() const noexcept { return owner_; }
    [[nodiscard]] event::Instant free_since() const noexcept { return free_since_; }
    void close() noexcept;
    // It starts no further program: it is closed once it is free.
    void retire() noexcept;

private:
    friend class Lease;
    enum class State : std::uint8_t { free, starting, running, ended, clearing };

    void on_ready(std::uint32_t events) override;
    void on_exit(int) override;
    void on_no_start(std::error_code why) override;
    [[nodiscard]] bool hear(const HostReply& reply, Descriptors& descriptors);
    void socket_ended();
    void lost();
    void set_free() noexcept;
    void ask(HostRequest kind, int number) noexcept;

    event::EventLoop& loop_;
    Hosts& hosts_;
    ProgramOwner owner_;
    State state_ = State::free;
    bool last_ = false; // it starts no further program
    posix::UniqueFd socket_;
    event::Watch watch_;
    keeper::Child child_{*this};
    Lease* lease_ = nullptr;
    ProgramEvents* events_ = nullptr;
    event::Instant free_since_{};
};

} // namespace buzon::filter
