// admin/manage_connection.h - one manager: reads lines, sends replies and live views, and never blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/admin/performer.h"
#include "buzon/event/event_loop.h"
#include "buzon/keeper/sockets.h"
#include "buzon/line/line_reader.h"
#include "buzon/manage/session.h"
#include "buzon/net/stream.h"
#include "buzon/state/settings.h"

namespace buzon::admin {

class ManageConnection;

class ManagerOwner {
public:
    // The connection has ended: destroy it after this turn of the loop.
    virtual void retire(ManageConnection& connection) noexcept = 0;

protected:
    ~ManagerOwner() = default;
};

// Shared by managers; outlives them.
struct ManagerNeeds {
    event::EventLoop& loop;
    keeper::Sockets& sockets;
    const state::Settings& settings;
    net::StreamRoom& room;
    manage::Host& host;
    Performer& performer;
};

// Produces one answer per turn, or one piece of a long one. A manager's command may cost more than a POP3 command, and
// a hundred answers in one turn would delay every session.
//
//   idle ◄──► producing    a long reply; no line is taken
//    │  ◄──► performing    the Performer is at work; no line is taken
//    │  ◄──► following     a live view; the next line ends it
//    ▼
//   leaving ──► closed     no more input is taken; the stream drains
class ManageConnection final : private net::StreamEvents, private event::TimerHandler, private event::Task {
public:
    // from: std::nullopt for a unix socket.
    ManageConnection(ManagerNeeds& needs, ManagerOwner& owner, manage::Session::Peer peer, posix::UniqueFd socket,
                     std::optional<auth::Source> from);
    ~ManageConnection() override;

    void start();
    // Sends as much of the output, followed by last_words, as the peer takes at once, and closes the connection.
    void stop(std::string_view last_words = {});
    // Whether it may be closed to make room for others; see manage::Session.
    [[nodiscard]] bool is_stranger() const { return state_ != State::closed && session_.is_stranger(); }
    // The idle limit may have changed.
    void settings_changed();
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

private:
    enum class State : std::uint8_t { idle, producing, performing, following, leaving, closed };
    // The result of an action. If storing it runs out of memory, the connection ends.
    class Owed;
    struct Performing {
        manage::Action action = manage::Answered{};
        event::Instant since{};
        bool begun = false;
        Performer::Pending pending;
        std::optional<manage::Outcome> outcome;
    };

    void on_input(std::string_view fresh) override { turn(fresh); }
    void on_room() override { turn(); }
    void on_lost() override { close(); }
    void on_sent(std::size_t) override { active_ = needs_.loop.now(); }
    void on_timer(event::Timer& which) override;
    void run() override { turn(); }

    void turn(std::string_view fresh = {});
    // Calls `work`. If it runs out of memory, closes the connection, so that no caller has to handle that.
    template <class Work>
    void survive(Work work);
    void do_turn(std::string_view fresh);
    void do_stop(std::string_view last_words);
    void look_at_clock(const event::Timer& which);
    void work();
    void settle();
    [[nodiscard]] bool next_line();
    void take(manage::Action action);
    void take_outcome();
    void perform_when_due();
    void perform();
    void show_soon();
    void show();
    void close();

    ManagerNeeds& needs_;
    ManagerOwner& owner_;
    std::uint64_t id_;
    net::Stream stream_;
    event::Timer timer_{*this};
    event::Timer delay_{*this}; // before a password is checked
    event::Timer show_{*this};  // before a live view sends more
    event::Instant next_show_{};
    event::Instant active_;
    line::LineReader reader_;
    State state_ = State::idle;
    std::optional<auth::Source> from_;
    Performing performing_;
    manage::Session session_; // last: it may call us until it is destroyed
};

} // namespace buzon::admin
