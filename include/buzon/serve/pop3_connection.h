// serve/pop3_connection.h - one POP3 client: its lines go to the session, what the session asks for becomes a task,
// and replies go out by a stream. Everything it does is a piece of work in one turn of the loop; it never waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/line/line_reader.h"
#include "buzon/login/login_task.h"
#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/net/stream.h"
#include "buzon/serve/delivery.h"
#include "buzon/serve/update_order.h"
#include "buzon/state/pop3_command.h"

namespace buzon::upkeep {
class Reports;
} // namespace buzon::upkeep

namespace buzon::serve {

class Listings;

// What the connections of a service share; whoever owns it outlives them all.
struct Pop3Needs {
    event::EventLoop& loop;
    const state::Settings& settings;
    const pop3::Settings& pop3;
    state::Metrics& metrics;
    state::EventBus& events;
    net::StreamRoom& room;
    worker::Pool& disk;
    Listings& listings;
    upkeep::Reports& reports;
    login::LoginNeeds login;
    DeliveryNeeds delivery;
    UpdateNeeds update;
};

// Why a connection ends, for the log.
enum class Ending : std::uint8_t {
    quit,
    lost,
    autologout,
    login_timeout,
    bad_lines,
    wrong_logins,
    displaced,
    cut,
    kicked,
    stopping,
    no_memory
};
[[nodiscard]] std::string_view name_of(Ending ending) noexcept;

class Pop3Connection;

class ConnectionOwner : public login::UserSessions {
public:
    // The connection has ended: destroy it after this turn of the loop, not in here.
    virtual void retire(Pop3Connection& connection) noexcept = 0;
    // It has logged in as a user, or no longer is.
    virtual void user_came(Pop3Connection& connection) = 0;
    virtual void user_left(Pop3Connection& connection) noexcept = 0;

protected:
    ~ConnectionOwner() = default;
};

//                       a line begins a task
//   greeting ──► idle ────────────────────────► busy ── finish_up() ──► last
//                 │  ◄──────────────────────────  │                      │
//                 │          its step is done     │ that was QUIT's      │ done
//                 │ QUIT, too many bad lines,     ▼ update               ▼
//                 │ the peer's end, finish_up() ──┴──► leaving ◄─────────┘
//                 ▼                                      │ all replies have left
//   lost, kicked, time is up, cut: from every state ──► closed ◄── done ── detached ◄── the same, while QUIT's update
//   runs
//
// idle      lines are read and answered.
// busy      one task runs; lines wait.
// last      the same, but no line will be taken behind it: the server ends.
// leaving   nothing more is taken; the stream drains.
// detached  The client has gone. What its QUIT asked for is done all the same, and the maildrop stays locked until
// then. closed    waits for its owner to destroy it.
//
// Nothing is removed but by QUIT in the TRANSACTION state.
class Pop3Connection final : private net::StreamEvents,
                             private login::TaskOwner,
                             private event::TimerHandler,
                             private event::Task {
public:
    Pop3Connection(Pop3Needs& needs, ConnectionOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                   const login::ClientInfo& client);
    Pop3Connection(const Pop3Connection&) = delete;
    Pop3Connection& operator=(const Pop3Connection&) = delete;
    ~Pop3Connection() override;

    // Greets. `early`: octets of the client's that were read already, behind a PROXY header.
    void start(std::string_view early);
    // Ends it without UPDATE, at once; an update under way is finished.
    void stop(Ending why) { close(why); }
    // Before it has logged in: another one takes its place. `line` is the last that it hears.
    void turn_away(std::string_view line);
    // No further command is taken: the one that runs is finished, its reply sent.
    void finish_up();
    // Somebody else wants the maildrop. Ends it without UPDATE, and is true, when the client is gone for certain; else
    // the kernel is asked to find out.
    [[nodiscard]] bool give_way();
    // The settings have changed: their time limits hold from now on.
    void settings_changed();

    // For SESS.
    [[nodiscard]] std::uint64_t id() const noexcept { return visit_.id; }
    [[nodiscard]] const std::string& user() const noexcept { return visit_.session.user(); }
    [[nodiscard]] const net::Endpoint& address() const noexcept { return visit_.client.address; }
    [[nodiscard]] bool logged_in() const noexcept { return visit_.logged_in(); }
    [[nodiscard]] std::string_view state_name() const noexcept;
    [[nodiscard]] login::TaskView task() const {
        return task_ ? task_->view() : login::TaskView{};
    } // no name: none runs
    [[nodiscard]] std::uint64_t sent() const noexcept { return stream_.sent(); }
    [[nodiscard]] std::size_t backlog() const noexcept { return stream_.queued(); }
    [[nodiscard]] std::uint32_t retrieved() const noexcept { return visit_.retrieved; }
    [[nodiscard]] event::Instant began() const noexcept { return began_; }
    [[nodiscard]] event::Instant last_activity() const noexcept { return active_; }

private:
    enum class State : std::uint8_t { greeting, idle, busy, last, leaving, detached, closed };

    void on_input(std::string_view fresh) override { turn(fresh); }
    void on_room() override { turn(); }
    void on_half_closed() override;
    void on_lost() override { close(Ending::lost); }
    void on_sent(std::size_t octets) override;
    void task_wakes() override { turn(); }
    void run() override { turn(); }
    void on_timer(event::Timer& which) override;

    void turn(std::string_view fresh = {});
    // Does it, and ends the connection where that finds no memory. Others must hear of nothing.
    template <class Work>
    void survive(Work work);
    void work();
    void settle();
    [[nodiscard]] bool next_line();
    [[nodiscard]] pop3::Asked ask(const line::LineReader::Next& next);
    void perform(pop3::Action action);
    template <class Kind, class... Arguments>
    void begin(Arguments&&... arguments);
    [[nodiscard]] bool go_on();
    void task_is_done();
    void leave(Ending why, bool peer_talks = false);
    void close(Ending why);
    void end(Ending why) noexcept;
    void out_of_memory() noexcept;

    // What stands in the output from `at` on is the reply of the running command, or the first part of it.
    void count_reply(std::size_t at);
    void tell_of_end(Ending why);
    void publish_logout(Ending why);
    [[nodiscard]] bool has_most_likely_left() const noexcept;
    void arm_timer();
    void look_at_clock();

    Pop3Needs& needs_;
    ConnectionOwner& owner_;
    net::Stream stream_;
    event::Timer timer_;
    login::Visit visit_;
    line::LineReader reader_;
    std::unique_ptr<login::Task> task_; // while busy, last or detached
    event::Instant began_;
    event::Instant active_;
    State state_ = State::greeting;
    Ending ending_ = Ending::lost;                      // while leaving
    std::optional<state::Pop3Command> unanswered_ = {}; // the command that has no reply yet
    std::uint32_t commands_ = 0;
    bool counted_ = false; // by the owner, as one of the user's
};

} // namespace buzon::serve
