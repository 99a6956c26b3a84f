// daemon/metrics_connection.h - one HTTP client of the metrics listener: requests in, pages out, never waiting. What it
// may ask is manage/http.h's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "buzon/daemon/context.h"
#include "buzon/event/event_loop.h"
#include "buzon/manage/http.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::daemon {

class MetricsConnection;

class MetricsOwner {
public:
    // It has ended: destroy it after this turn of the loop.
    virtual void retire(MetricsConnection& connection) = 0;

protected:
    ~MetricsOwner() = default;
};

class MetricsConnection final : private event::Handler, private event::TimerHandler {
public:
    MetricsConnection(Context& context, MetricsOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                      std::function<std::string()> page);

    void start();
    // At once; a page on its way is cut.
    void close();
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

private:
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer&) override { close(); }
    void take(std::string_view received);
    [[nodiscard]] bool flush();

    Context& context_;
    MetricsOwner& owner_;
    std::uint64_t id_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    event::Timer limit_{*this}; // of one request with its response, also of the wait for it
    manage::HttpSession session_;
    std::string input_; // read but not answered yet: the response before it is still on its way
    std::string output_;
    std::size_t sent_ = 0; // of output_
    bool closed_ = false;
};

} // namespace buzon::daemon
