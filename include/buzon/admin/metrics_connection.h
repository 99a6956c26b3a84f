// admin/metrics_connection.h - one HTTP client of the metrics listener: requests in, pages out, never waiting. What it
// may ask is manage/http.h's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/manage/http.h"
#include "buzon/net/stream.h"

namespace buzon::admin {

class MetricsConnection;

class MetricsOwner {
public:
    // It has ended: destroy it after this turn of the loop.
    virtual void retire(MetricsConnection& connection) noexcept = 0;

protected:
    ~MetricsOwner() = default;
};

// One page a turn: making it takes as long as a hundred commands of a POP3 session.
class MetricsConnection final : private net::StreamEvents, private event::TimerHandler, private event::Task {
public:
    // The loop and the room outlive us.
    MetricsConnection(event::EventLoop& loop, net::StreamRoom& room, MetricsOwner& owner, std::uint64_t id,
                      posix::UniqueFd socket, std::function<std::string()> page);
    ~MetricsConnection() override = default;

    void start();
    // At once; a page on its way is cut.
    void close();
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

private:
    void on_input(std::string_view fresh) override { turn(fresh); }
    void on_room() override { turn({}); }
    void on_lost() override { close(); }
    void on_timer(event::Timer&) override { close(); }
    void run() override { turn({}); }
    void turn(std::string_view fresh);
    void do_turn(std::string_view fresh);
    void answer();

    event::EventLoop& loop_;
    MetricsOwner& owner_;
    std::uint64_t id_;
    net::Stream stream_;
    event::Timer limit_; // of one request with its response, also of the wait for it
    manage::HttpSession session_;
    bool closed_ = false;
};

} // namespace buzon::admin
