// admin/metrics_connection.h - one HTTP client of the metrics listener: reads requests, sends pages, and never blocks.
// manage/http.h decides which requests are valid.
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
    // The connection has ended: destroy it after this turn of the loop.
    virtual void retire(MetricsConnection& connection) noexcept = 0;

protected:
    ~MetricsOwner() = default;
};

// Produces one page per turn, because a page takes as long as a hundred POP3 commands.
class MetricsConnection final : private net::StreamEvents, private event::TimerHandler, private event::Task {
public:
    // The loop and the room must outlive this object.
    MetricsConnection(event::EventLoop& loop, net::StreamRoom& room, MetricsOwner& owner, std::uint64_t id,
                      posix::UniqueFd socket, std::function<std::string()> page);
    ~MetricsConnection() override = default;

    void start();
    // Closes at once, cutting off a page being sent.
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
    event::Timer limit_; // for one request and its response, including the wait for the request
    manage::HttpSession session_;
    bool closed_ = false;
};

} // namespace buzon::admin
