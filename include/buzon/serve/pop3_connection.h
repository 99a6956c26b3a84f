// serve/pop3_connection.h - one POP3 client: its lines go to the session, actions of the session become tasks, and
// replies go out through a stream. It works in small pieces within the turns of the loop and never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/sockets.h"
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

// Shared by the connections of a service; outlives them.
struct Pop3Needs {
    event::EventLoop& loop;
    keeper::Sockets& sockets;
    const state::Settings& settings;
    const pop3::Settings& pop3;
    const std::string& front_certificate; // as in Session::came_under(), for clients that come through a front end
    state::Metrics& metrics;
    state::EventBus& events;
    net::StreamRoom& room;
    worker::Pool& disk;
    Listings& listings;
    upkeep::Reports& reports;
    login::LoginNeeds login;
    DeliveryNeeds delivery;
    UpdateNeeds update;
    // A client that closes its side while its message is being transformed has most likely gone for good. One that has
    // only finished sending (nc -N) gets its answer if that is ready within this time.
    std::chrono::seconds grace_for_silent_peer{2};
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
    no_memory,
    tls, // STLS: the client goes on as another connection
};
[[nodiscard]] std::string_view name_of(Ending ending) noexcept;

class Pop3Connection;

class ConnectionOwner : public login::UserSessions {
public:
    // The connection has ended: destroy it after this turn of the loop, not from this call.
    virtual void retire(Pop3Connection& connection) noexcept = 0;
    // The connection has logged in as a user, or is no longer logged in.
    virtual void user_came(Pop3Connection& connection) = 0;
    virtual void user_left(Pop3Connection& connection) noexcept = 0;
    // The connection has been retired, and its client begins a TLS handshake.
    virtual void tls_begins(Pop3Connection& connection, posix::UniqueFd socket) = 0;
    // The socket that the client itself is connected to. With TLS in between, that is not the connection's own socket.
    [[nodiscard]] virtual int wire_of(const Pop3Connection& connection) const noexcept = 0;

protected:
    ~ConnectionOwner() = default;
};

//                       a line begins a task
//   greeting ──► idle ────────────────────────► busy ── finish_up() ──► last
//                 │  ◄──────────────────────────  │                      │
//                 │          its step is done     │ that was QUIT's      │ done
//                 │ QUIT, too many bad lines,     ▼ update               ▼
//                 │ the peer's end, finish_up() ──┴──► leaving ◄─────────┘
//                 │              over TLS: parting ◄── │ all replies have left
//                 ▼                          ▼           ▼
//   lost, kicked, time is up, cut: from every state ──► closed ◄── done ── detached ◄── the same during an UPDATE
//
// idle      lines are read and answered
// busy      one task runs; lines wait
// last      as busy, but no more lines are read, because the server is shutting down
// leaving   no more lines are read; the output drains
// parting   the session has ended, but the TLS program has not read all replies from our socket: it drops the rest once
//           we close that
// detached  the client has gone, but its QUIT is still being carried out; the maildrop stays locked until then
// closed    waits for its owner to destroy it
//
// Messages are removed only by QUIT in the TRANSACTION state.
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

    // Call before start(): the client connected at `began`, and has gone through TLS since. greeted: it has had its
    // greeting. certificate_hash: that of our certificate, as in Session::came_under().
    void came_through_tls(event::Instant began, bool greeted, std::string certificate_hash) noexcept {
        began_ = began;
        greeted_ = greeted;
        visit_.session.came_under(std::move(certificate_hash));
    }
    // Sends the greeting.
    void start();
    // Closes the connection at once, without UPDATE. An update in progress still completes.
    void stop(Ending why) { close(why); }
    // Before login: makes room for another connection. `line` is the last line that the client gets.
    void turn_away(std::string_view line);
    // Takes no further commands. The command in progress is finished and its reply sent.
    void finish_up();
    // Another session wants the maildrop. If the client is certainly gone, closes the connection without UPDATE and
    // returns true; otherwise makes the kernel probe the client.
    [[nodiscard]] bool give_way();
    // The settings have changed: applies the new time limits.
    void settings_changed();

    // For SESS.
    [[nodiscard]] std::uint64_t id() const noexcept { return visit_.id; }
    [[nodiscard]] const std::string& user() const noexcept { return visit_.session.user(); }
    [[nodiscard]] const net::Endpoint& address() const noexcept { return visit_.client.address; }
    [[nodiscard]] bool tls() const noexcept { return visit_.client.tls; }
    [[nodiscard]] int socket() const noexcept { return stream_.socket(); }
    [[nodiscard]] bool logged_in() const noexcept { return visit_.logged_in(); }
    [[nodiscard]] std::string_view state_name() const noexcept;
    [[nodiscard]] login::TaskView task() const { return task_ ? task_->view() : login::TaskView{}; } // no name: no task
    [[nodiscard]] std::uint64_t sent() const noexcept { return stream_.sent(); }
    [[nodiscard]] std::size_t backlog() const noexcept { return stream_.queued(); }
    [[nodiscard]] std::uint32_t retrieved() const noexcept { return visit_.retrieved; }
    [[nodiscard]] event::Instant began() const noexcept { return began_; }
    [[nodiscard]] event::Instant last_activity() const noexcept { return active_; }

private:
    enum class State : std::uint8_t { greeting, idle, busy, last, leaving, parting, detached, closed };

    void on_input(std::string_view fresh) override { turn(fresh); }
    void on_room() override { turn(); }
    void on_half_closed() override;
    void on_lost() override { close(Ending::lost); }
    void on_sent(std::size_t octets) override;
    void task_wakes() override { turn(); }
    void run() override { turn(); }
    void on_timer(event::Timer& which) override;

    void turn(std::string_view fresh = {});
    // Calls `work`; if it runs out of memory, closes the connection, so that nobody else has to handle it.
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
    void part();
    void close(Ending why);
    void end(Ending why) noexcept;
    void end_session(Ending why) noexcept;
    void hand_over();
    void out_of_memory() noexcept;

    // The output from `at` on is the reply to the current command, or its beginning.
    void count_reply(std::size_t at);
    void tell_of_end(Ending why);
    void publish_logout(Ending why);
    [[nodiscard]] bool has_most_likely_left() const noexcept;
    [[nodiscard]] event::Instant patience_ends() const noexcept;
    void arm_timer();
    void look_at_clock();

    Pop3Needs& needs_;
    ConnectionOwner& owner_;
    net::Stream stream_;
    event::Timer timer_;
    login::Visit visit_;
    line::LineReader reader_;
    std::uint32_t commands_ = 0;        // here to avoid padding, because there are many connections
    std::unique_ptr<login::Task> task_; // while busy, last or detached
    event::Instant began_;
    event::Instant active_;
    State state_ = State::greeting;
    Ending ending_ = Ending::lost;                      // while leaving or parting
    std::optional<state::Pop3Command> unanswered_ = {}; // the command that has no reply yet
    bool greeted_ = false;
    bool counted_ = false; // by the owner, as a session of its user
};

} // namespace buzon::serve
