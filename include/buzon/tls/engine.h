// tls/engine.h - the program that does TLS (stunnel), run as one child: started, supervised, renewed. Whoever wants
// TLS gets a connection to its port on the loopback; what comes out of it arrives on a socket of ours (gate.h).
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
    // Starts another child, which reads the certificate again. The old one keeps its sessions until they end; if the
    // new one cannot work, it stays in charge, and the log says why.
    void renew(Use use);

    [[nodiscard]] bool works() const noexcept { return port_ != 0; }
    // Of the child in charge, on 127.0.0.1; 0: there is none at the moment.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // To the child in charge, which there is. `then` as keeper::Sockets has it.
    [[nodiscard]] std::unique_ptr<keeper::Request> connect(keeper::Sockets::OnConnected then);
    // Which certificate the child with this port has: certificate_words. Empty: it cannot be told.
    [[nodiscard]] std::string certificate_behind(std::uint16_t port) const;
    // A child of ours.
    [[nodiscard]] bool is_ours(pid_t pid) const noexcept;
    // How many connections use the child behind this port: an old one goes when there are none.
    void connected(std::uint16_t port) noexcept;
    void disconnected(std::uint16_t port) noexcept;

private:
    class Process;
    friend class Process;

    void start();
    void came_up();
    void ended(Process& process, const std::string& why);
    void sweep();
    void on_timer(event::Timer&) override { start(); }
    void run() override;
    [[nodiscard]] Process* find(std::uint16_t port) noexcept;

    event::EventLoop& loop_;
    keeper::Sockets& sockets_;
    keeper::Starter& starter_;
    Use use_;
    EngineEvents& events_;
    std::vector<std::unique_ptr<Process>> processes_; // the last one is the newest
    std::uint16_t port_ = 0;                          // of the one in charge
    bool told_ = false;                               // that it works
    event::Timer restart_{*this};
    std::chrono::milliseconds pause_{0}; // before the next start
};

} // namespace buzon::tls
