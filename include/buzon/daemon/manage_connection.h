// daemon/manage_connection.h - one manager: lines in, replies and live views out, never waiting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/daemon/context.h"
#include "buzon/daemon/control.h"
#include "buzon/event/event_loop.h"
#include "buzon/line/line_reader.h"
#include "buzon/manage/session.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::daemon {

class ManageConnection;

class ManagerOwner {
public:
    // It has ended: destroy it after this turn of the loop.
    virtual void retire(ManageConnection& connection) = 0;

protected:
    ~ManagerOwner() = default;
};

class ManageConnection final : private event::Handler, private event::TimerHandler, private event::Task {
public:
    ManageConnection(Context& context, Control& control, ManagerOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                     std::string name, bool trusted, std::optional<auth::Source> from);
    ~ManageConnection() override;

    void start();
    // Whatever is on its way may leave, as far as the peer takes it at once.
    void stop();
    // The idle limit may be another one now.
    void settings_changed();
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

private:
    enum class Doing : std::uint8_t { nothing, producing, following, performing };

    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer& which) override;
    void run() override { turn(); }
    void turn();
    [[nodiscard]] bool next_line();
    void perform(manage::Action action);
    void perform_when_due();
    void perform_now();
    void show_soon();
    void show();
    void read_input();
    [[nodiscard]] bool flush();
    void close();

    Context& context_;
    Control& control_;
    ManagerOwner& owner_;
    std::uint64_t id_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    event::Timer timer_{*this};
    event::Timer delay_{*this}; // before a guess is looked at
    event::Timer show_{*this};  // before a live view shows something again
    event::Instant next_show_{};
    event::Instant active_{};
    line::LineReader reader_;
    Doing doing_ = Doing::nothing;
    bool first_octets_ = true;
    bool closing_ = false;
    bool closed_ = false;
    bool peer_done_ = false;
    std::string input_;
    std::string output_;
    std::size_t sent_ = 0; // of output_
    std::optional<auth::Source> from_;
    manage::Action asked_ = manage::Answered{}; // while performing
    event::Instant asked_at_{};
    worker::Pending pending_;
    manage::Session session_; // last: it may wake us until it goes
};

} // namespace buzon::daemon
