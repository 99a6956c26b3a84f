// daemon/pop3_connection.h - one POP3 client: reads its lines, gives them to the session, performs what the session
// asks for, sends the replies. Everything it does is a piece of work in one turn of the loop; it never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/daemon/context.h"
#include "buzon/daemon/delivery.h"
#include "buzon/daemon/listings.h"
#include "buzon/daemon/locks.h"
#include "buzon/daemon/login.h"
#include "buzon/daemon/reports.h"
#include "buzon/daemon/shared_text.h"
#include "buzon/daemon/update_order.h"
#include "buzon/event/event_loop.h"
#include "buzon/line/line_reader.h"
#include "buzon/net/address.h"
#include "buzon/pop3/session.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/state/pop3_command.h"

namespace buzon::daemon {

// Why a connection ends, for the log.
enum class Ending : std::uint8_t { quit, lost, autologout, login_timeout, bad_lines, cut, kicked, stopping };
[[nodiscard]] std::string_view name_of(Ending ending) noexcept;

class Pop3Connection;

class ConnectionOwner {
public:
    // The connection has ended: destroy it after this turn of the loop, not in here.
    virtual void retire(Pop3Connection& connection) = 0;
    // It has logged in as a user, or no longer is.
    virtual void user_came(Pop3Connection& connection) = 0;
    virtual void user_left(Pop3Connection& connection) = 0;
    // How many are logged in as this user.
    [[nodiscard]] virtual std::size_t sessions_of(const std::string& user) const = 0;

protected:
    ~ConnectionOwner() = default;
};

// Between two commands it is small: what only a turn or a command under way needs is in a part of its own (Busy).
class Pop3Connection final : private event::Handler, private event::TimerHandler {
public:
    Pop3Connection(Context& context, ConnectionOwner& owner, std::uint64_t id, posix::UniqueFd socket,
                   ClientInfo client);
    Pop3Connection(const Pop3Connection&) = delete;
    Pop3Connection& operator=(const Pop3Connection&) = delete;
    ~Pop3Connection();

    // Greets. `early`: octets of the client's that were read already, behind a PROXY header.
    void start(std::string_view early);
    // Ends it without UPDATE, at once when nothing is on its way to the client; else when `patient` and that has left.
    void stop(Ending why, bool patient);
    // No further command is taken: the one that runs is finished, its reply sent.
    void finish_up();
    // Somebody else wants the maildrop. Ends it without UPDATE, and is true, when the client is gone for certain; else
    // the kernel is asked to find out.
    [[nodiscard]] bool give_way();
    // The settings have changed: their time limits hold from now on.
    void settings_changed();

    // For SESS.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] const std::string& user() const noexcept { return session_.user(); }
    [[nodiscard]] const net::Endpoint& address() const noexcept { return client_.address; }
    [[nodiscard]] bool logged_in() const noexcept { return session_.maildrop() != nullptr; }
    [[nodiscard]] std::string_view state_name() const noexcept;
    [[nodiscard]] std::string_view command() const noexcept; // the one that runs, else empty
    [[nodiscard]] std::string program() const { return delivering() ? busy_->delivery->program() : std::string{}; }
    [[nodiscard]] std::uint64_t reply_sent() const noexcept {
        return delivering() && sent_ > busy_->reply_began_at ? sent_ - busy_->reply_began_at : 0;
    }
    [[nodiscard]] std::optional<std::uint64_t> reply_size() const {
        return delivering() ? busy_->reply_size : std::nullopt;
    }
    [[nodiscard]] std::size_t backlog() const noexcept { return busy_ ? busy_->output.size() - busy_->output_sent : 0; }
    [[nodiscard]] std::uint32_t retrieved() const noexcept { return retrieved_; }
    [[nodiscard]] event::Instant began() const noexcept { return began_; }
    [[nodiscard]] event::Instant last_activity() const noexcept { return active_; }

private:
    // Replies are sent when so many octets have come together, so that a slow client costs no more than that.
    static constexpr std::size_t send_at = 64 * 1024;
    struct Searching {
        pop3::Search wanted;
        mail::MessageNumber after{0}; // the last message looked at
        bool begun = false;           // "+OK" has been said
    };
    enum class Doing : std::uint8_t {
        nothing,
        logging_in,
        preparing,
        delivering,
        listing,
        searching,
        reporting,
        updating
    };

    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer& which) override;
    void delivery_wakes();

    // What there is only during a turn and while a command is under way, or octets wait: an idle session has none of
    // it, and ten thousand of them are ten thousand times smaller. turn() makes it and, when all is done, takes it
    // away.
    struct Busy final : event::Task, DeliveryOwner {
        explicit Busy(Pop3Connection& whose) : connection{whose} {}
        void run() override { connection.go_on(); }
        void delivery_wakes() override { connection.delivery_wakes(); }
        // Nothing in it would be missed.
        [[nodiscard]] bool done() const noexcept;

        Pop3Connection& connection;
        std::string_view in; // what is to be worked through in this turn
        std::string input;   // the same between turns
        std::string output;  // what the client has not taken yet
        std::size_t output_sent = 0;
        std::string maildir;       // as maildir() made it
        event::Instant work_began; // of a login or a delivery
        std::uint64_t reply_began_at = 0;
        std::optional<std::uint64_t> reply_size;
        std::unique_ptr<Login> login;
        std::unique_ptr<Delivery> delivery;
        std::unique_ptr<ListingRun> listing; // while a listing that others may share runs
        std::unique_ptr<Searching> search;   // while a SEARCH runs
        std::unique_ptr<UpdateOrder> update; // until what QUIT asks for is on its way
        std::unique_ptr<Reports::Waiter> report_waiter;
        worker::Pending job; // an update, SCRAM credentials, part of a search, a report
    };
    [[nodiscard]] Busy& busy();
    void rest();
    [[nodiscard]] bool delivering() const noexcept { return busy_ && busy_->delivery; }
    [[nodiscard]] bool keeps_input() const noexcept { return busy_ && !busy_->input.empty(); }
    // While busy.
    [[nodiscard]] const std::string& maildir();

    // A turn that goes on with what was left, or waited.
    void go_on();
    // One piece of work: `first` (an answer that came), then whatever else can be done, then the sending.
    void turn(const std::function<void(std::string&)>& first);
    void work(std::string& out);
    [[nodiscard]] bool next_line(std::string& out);
    [[nodiscard]] pop3::Asked ask(const line::LineReader::Next& next, std::string& out);
    [[nodiscard]] bool flush(std::string& out, bool more = false);
    [[nodiscard]] std::size_t send_part(const FilePart& part, std::string& out);
    void sent(std::size_t octets);
    [[nodiscard]] bool client_is_slow() const noexcept { return backlog() > 0 || socket_full_; }
    void after_work();
    void read_input();
    void keep_rest();
    void peek_at_busy_peer();
    [[nodiscard]] bool nobody_waits() const noexcept;
    void set_interest();
    void close(Ending why);

    void perform(pop3::Action action, std::string& out);
    void log_in(Proof proof, std::string& out);
    void get_scram(const std::string& user, std::string& out);
    void login_ended(LoginEnd end, std::string& out);
    void log_in_refused(std::string_view user, const LoginRefused& refused, std::string& out);
    void deliver(const pop3::Deliver& wanted, std::string& out);
    [[nodiscard]] bool prepare(std::string& out);
    [[nodiscard]] bool pump(std::string& out);
    void delivered();
    void list(const pop3::Produce& wanted);
    [[nodiscard]] bool list_on(std::string& out);
    void search(pop3::Search wanted);
    [[nodiscard]] bool search_on(std::string& out);
    void searched(const worker::Answer& answer, std::string& out);
    void found(std::span<const std::uint32_t> numbers, std::string& out);
    void report(std::uint32_t days);
    void read_report(std::int64_t since);
    void record_refused_login(std::string_view user);
    void record_session(Ending why);
    void update(std::string& out);
    void update_on(std::string& out);
    void updated(const worker::Answer& answer, std::string& out);

    void publish(state::EventType type, std::initializer_list<state::EventField> fields);
    void publish_logout(Ending why);
    // What stands in `out` from `at` on is the reply of the running command, or one of several of them.
    void count_reply(std::string_view out, std::size_t at) noexcept;
    [[nodiscard]] state::Count microseconds_of_work() const noexcept;
    void arm_idle_timer();

    Context& context_;
    ConnectionOwner& owner_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    event::Timer timer_;
    pop3::Session session_;
    line::LineReader reader_;
    Doing doing_ = Doing::nothing;
    bool closing_ = false; // close when all output has left
    bool closed_ = false;
    bool socket_full_ = false;    // a file's part waits for room
    bool alone_ = false;          // the client has gone, an update goes on
    bool peer_done_ = false;      // it sends nothing more
    bool drain_ = true;           // unread input may be there: take it, lest the kernel resets our last reply away
    bool deliver_counts_ = false; // the end of a delivery is on its way out
    bool retr_ = false;           // the delivery is a RETR, not a TOP
    bool finish_up_ = false;
    bool counting_ = false;                                 // the command that runs has no reply yet
    state::Pop3Command verb_ = state::Pop3Command::unknown; // the command that runs, or was the last
    Ending ending_ = Ending::lost;
    pop3::Mechanism mechanism_ = pop3::Mechanism::pass;
    std::uint32_t retrieved_ = 0;
    std::uint32_t removed_ = 0;
    std::uint32_t commands_ = 0;
    int kernel_holds_ = 0; // octets, when we looked last
    std::uint64_t id_;
    ClientInfo client_;
    event::Instant began_;
    event::Instant active_;
    std::uint64_t sent_ = 0;     // octets, all in all
    std::uint64_t received_ = 0; // the same
    SharedText maildir_;
    MaildropLock lock_;
    std::unique_ptr<Busy> busy_; // null while idle
};

} // namespace buzon::daemon
