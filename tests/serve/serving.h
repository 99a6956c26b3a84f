// serve/serving.h - everything POP3 connections need, without a server around it: the test turns the event loop,
// workers are fakes, clients are the other ends of socket pairs.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>

#include <map>

#include "buzon/serve/fetched_ahead.h"
#include "buzon/serve/listings.h"
#include "buzon/serve/pop3_connection.h"
#include "buzon/serve/transforms.h"
#include "buzon/upkeep/trash_keeper.h"
#include "login/logging_in.h"

namespace buzon::serve {

using namespace upkeep;
using namespace login;

// Base names of messages, which sort by `number`.
inline std::string base_name(int number) {
    return std::to_string(1'700'000'000 + number) + ".M1P1.h";
}

struct Serving : LoggingIn {
    pop3::Settings pop3;
    Transforms transforms{loop, hosts, settings, metrics, users, events};
    Listings listings;
    TrashKeeper trash{loop, disk, settings, events, [this] { return users.every_maildir(); }};
    net::StreamRoom room{loop};
    FileRoom file_room;
    FetchedAhead ahead{loop, 64};
    keeper::SocketsHere sockets{loop};
    std::string front_certificate;
    Pop3Needs needs{loop,
                    sockets,
                    settings,
                    pop3,
                    front_certificate,
                    metrics,
                    events,
                    room,
                    disk,
                    listings,
                    reports,
                    login_needs,
                    {loop, settings, metrics, events, disk, transforms, file_room, ahead},
                    {loop, settings, metrics, events, disk, trash}};
    std::uint64_t next_id = 1;

    Serving() {
        needs.grace_for_silent_peer = std::chrono::hours{1}; // however slow the machine is
        REQUIRE(::mkfifo((directory / "gate").c_str(), 0600) == 0);
        gate_.reset(::open((directory / "gate").c_str(), O_RDWR | O_CLOEXEC));
        REQUIRE(gate_);
    }

    // From now on, every message passes through a program that runs these shell commands once programs are not late. If
    // they are dead, it kills itself instead.
    void transform(const std::string& commands) {
        const std::string program = directory.script(
            "program", "read -r word <\"${0%/*}/gate\"\n[ \"$word\" = go ] || kill -9 $$\n" + commands);
        transforms.standard() = {filter::FilterSpec::parse(program).spec, true};
    }
    // Makes workers and programs late, or dead.
    void late(bool are) { late_ = disk.late = hashes.late = are; }
    void dead(bool are) { dead_ = disk.dead = hashes.dead = are; }
    // How many of them have a request that they have not answered.
    [[nodiscard]] std::size_t waiting() const {
        return disk.waiting() + hashes.waiting() + static_cast<std::size_t>(metrics.filters_running);
    }
    void turn() { loop.turn(std::chrono::milliseconds{0}); }
    // Whether settle() waits for programs that are not late to end. Set to false if they wait for a client.
    void programs_end(bool do_so) { programs_end_ = do_so; }
    // Runs until nothing more happens without outside input.
    void settle() {
        for (int idle = 0; idle < 3; ++idle) {
            turn();
            if (disk.work() || hashes.work() || programs_start() || programs_work()) idle = 0;
        }
    }
    // Runs until `condition` holds. In that time workers do nothing, programs whatever they can.
    void settle_until(auto condition) {
        const auto limit = event::Clock::now() + std::chrono::minutes{2};
        while (!condition() && event::Clock::now() < limit) {
            if (!late_) open_gate();
            loop.turn(std::chrono::milliseconds{10});
        }
        REQUIRE(condition());
    }
    // Lets one program through: each reads a word at its start, and wherever else its commands say so.
    void let_one_through() {
        const std::string_view word = dead_ ? "die\n" : "go\n";
        REQUIRE(::write(gate_.get(), word.data(), word.size()) == static_cast<ssize_t>(word.size()));
    }
    [[nodiscard]] state::Count counted(state::Pop3Command command, state::CommandResult result) const {
        return metrics.commands[static_cast<std::size_t>(command) * state::command_result_names.size() +
                                static_cast<std::size_t>(result)];
    }

private:
    void open_gate() {
        for (; let_through_ < metrics.filters_started; ++let_through_) let_one_through();
    }
    // Programs are started even if they are to be late.
    bool programs_start() {
        if (hosts.statistics().starting == 0) return false;
        loop.turn(std::chrono::seconds{60});
        return true;
    }
    bool programs_work() {
        if (late_ || metrics.filters_running == 0) return false;
        open_gate();
        if (!programs_end_) return false;
        loop.turn(std::chrono::seconds{60});
        return true;
    }

    bool programs_end_ = true;
    bool late_ = false, dead_ = false;
    posix::UniqueFd gate_;         // programs read a word from it before they do anything
    state::Count let_through_ = 0; // programs
};

// One client and its connection.
class Guest final : public ConnectionOwner {
public:
    explicit Guest(Serving& serving) : serving_{serving} {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        client_.reset(ends[0]);
        socket_ = ends[1];
        const net::Endpoint from{*net::Ip::parse("127.0.0.1"), 4711, 0};
        connection_.emplace(serving.needs, *this, serving.next_id++, posix::UniqueFd{ends[1]},
                            ClientInfo{from, true, ClientInfo::Place::local});
        connection_->start();
        REQUIRE(hear().starts_with("+OK POP3 server ready"));
    }

    void say(std::string_view text) {
        REQUIRE(::send(client_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    // Everything that has arrived so far.
    std::string hear() {
        std::string all;
        char piece[4096];
        for (ssize_t n; (n = ::recv(client_.get(), piece, sizeof piece, MSG_DONTWAIT)) != 0;) {
            if (n < 0) return all;
            all.append(piece, static_cast<std::size_t>(n));
        }
        ended_ = true;
        return all;
    }
    // Everything that arrives while workers and programs do all they can.
    std::string hear_all() {
        std::string all;
        for (int idle = 0; idle < 3; ++idle) {
            serving_.settle();
            const std::string more = hear();
            if (!more.empty()) idle = 0;
            all += more;
        }
        return all;
    }
    // Everything that arrives until `condition` holds or the connection ends.
    std::string hear_until(auto condition) {
        std::string all;
        serving_.settle_until([&] {
            all += hear();
            return ended_ || condition(all);
        });
        return all;
    }
    std::string ask(std::string_view lines) {
        say(lines);
        return hear_all();
    }
    void log_in(const std::string& user = "user1", const std::string& password = "pass1") {
        const std::string reply = ask("USER " + user + "\r\nPASS " + password + "\r\n");
        REQUIRE(reply.find("+OK Password accepted") != reply.npos);
    }
    void say_no_more() const { ::shutdown(client_.get(), SHUT_WR); }
    void vanish() { client_.reset(); }
    // Shrinks the socket's send buffer, so that a few replies fill it.
    void narrow() const {
        const int least = 1;
        REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0);
    }
    // Whether hear() has seen that the server closed the connection.
    [[nodiscard]] bool ended() const noexcept { return ended_; }

    Pop3Connection& connection() { return *connection_; }
    [[nodiscard]] std::string task() const { return std::string{connection_->task().name}; }
    bool retired = false;
    int came = 0, left = 0;
    std::size_t sessions = 0; // that any user already has
    bool over_tls = false;    // the other end of the socket is a TLS program's

private:
    void retire(Pop3Connection&) noexcept override { retired = true; }
    void user_came(Pop3Connection&) override { ++came; }
    void user_left(Pop3Connection&) noexcept override { ++left; }
    void tls_begins(Pop3Connection&, posix::UniqueFd) override {}
    int wire_of(const Pop3Connection& connection) const noexcept override {
        return over_tls ? client_.get() : connection.socket();
    }
    std::size_t sessions_of(const std::string&) const override { return sessions; }

    Serving& serving_;
    posix::UniqueFd client_;
    int socket_ = -1; // the connection's end
    bool ended_ = false;
    std::optional<Pop3Connection> connection_;
};

} // namespace buzon::serve
