// tls/engine.h - runs the program that does TLS (stunnel) as a child: starts, supervises and renews it. A TLS client is
// connected to its port on the loopback; the decrypted connection arrives on a socket of ours (gate.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/sockets.h"
#include "buzon/keeper/starter.h"
#include "buzon/tls/order.h"

namespace buzon::tls {

class EngineEvents {
public:
    // TLS works, or no longer does. Never from within a call to Engine.
    virtual void engine_works(bool works) = 0;
    // For the log.
    virtual void engine_says(bool error, const std::string& text) = 0;

protected:
    ~EngineEvents() = default;
};

class Engine final : private event::TimerHandler, private event::Task {
public:
    Engine(event::EventLoop& loop, keeper::Sockets& sockets, keeper::Starter& starter, Use use, EngineEvents& events);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() override;

    void begin();
    // Starts another child, which reads the certificate again. The old one keeps its sessions until they end. If the
    // new one cannot work, the old one stays in charge, and the log says why.
    void renew(Use use);

    [[nodiscard]] bool works() const noexcept { return port_ != 0; }
    // The port of the child in charge, on 127.0.0.1; 0: there is none at the moment.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // Connects to the child in charge; there must be one. then: as for keeper::Sockets.
    [[nodiscard]] std::unique_ptr<keeper::Request> connect(keeper::Sockets::OnConnected then);
    // The certificate of the child with this port, as described at certificate_words. Empty: unknown.
    [[nodiscard]] std::string certificate_behind(std::uint16_t port) const;
    // The port of the child with this pid; 0: it is not a child of ours, or does not serve yet.
    [[nodiscard]] std::uint16_t port_of(pid_t pid) const noexcept;
    // Count the connections of the child with this port: an old child without any is ended.
    void connected(std::uint16_t port) noexcept;
    void disconnected(std::uint16_t port) noexcept;

private:
    class Process;
    friend class Process;

    bool start(); // whether a child is being started
    void came_up();
    void ended(Process& process, const std::string& why);
    void sweep();
    void on_timer(event::Timer&) override { (void)start(); }
    void run() override;
    [[nodiscard]] Process* find(std::uint16_t port) noexcept;

    event::EventLoop& loop_;
    keeper::Sockets& sockets_;
    keeper::Starter& starter_;
    Use use_;
    EngineEvents& events_;
    std::vector<std::unique_ptr<Process>> processes_; // the last one is the newest
    std::uint16_t port_ = 0;                          // of the child in charge
    bool told_ = false;                               // what engine_works() was told last
    event::Timer restart_{*this};
    std::chrono::milliseconds pause_{0}; // before the next start
    bool starts_again_ = false;          // restart_ has to be armed
};

} // namespace buzon::tls
