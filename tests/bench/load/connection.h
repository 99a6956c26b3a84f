// bench/load/connection.h - one POP3 client: asks, and compares the replies octet for octet. Knows no scenario.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace bench {

// What the server must say next: with `status`, first a line "+OK..."; then exactly `body`.
struct Expected {
    bool status = true;
    std::string_view body = {};          // must live until it has arrived
    std::string* learn_status = nullptr; // receives the status line
    std::string* learn_body = nullptr;   // instead of `body`: receives everything up to the closing "." line
};

class Connection;

// Receives the events of connections. Both functions may do anything to the connection, including close().
struct Customer {
    virtual void answered(Connection& connection) = 0;                          // all that was expected has arrived
    virtual void ended(Connection& connection, const std::string& trouble) = 0; // trouble is empty if it was expected
protected:
    ~Customer() = default;
};

// One epoll set, a shared read buffer and a tick. Drives all connections of the process.
class Loop {
public:
    Loop();
    // Runs until stop() or the deadline (seconds from now); false if the deadline came first.
    // `work` is called like the functions of at_every_turn(), but only during this run.
    [[nodiscard]] bool run(
        double seconds, const std::function<void()>& work = [] {});
    void stop() noexcept { stopped_ = true; }

    // `work` is called after every batch of events, at least about every millisecond.
    void at_every_turn(std::function<void()> work) { at_every_turn_.push_back(std::move(work)); }

    [[nodiscard]] static std::uint64_t now() noexcept; // nanoseconds, monotonic

private:
    friend class Connection;
    void turn();

    buzon::posix::UniqueFd epoll_;
    std::vector<char> input_;
    std::vector<std::function<void()>> at_every_turn_;
    bool stopped_ = false;
};

struct Place {
    sockaddr_in server{};
    std::uint32_t sources = 1; // source addresses 127.0.0.2 and up, taken in turn: one has only 28,000 ports
    int receive_buffer = 0;    // SO_RCVBUF; 0: the system's default
};

class Connection {
public:
    Connection(Loop& loop, Customer& customer, std::size_t number)
        : loop_{&loop}, customer_{&customer}, number_{number} {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void open(const Place& place); // then expect() the greeting
    void expect(const Expected& expected);
    void expect_end() { waiting_ = Waiting::end; }
    void ask(std::string_view text, const Expected& expected); // expect() and send
    void close() { socket_.reset(); }

    // For slow readers: after look_away(), the loop no longer reads, and each receive() reads at most `limit` octets.
    void look_away();
    void receive(std::size_t limit);

    [[nodiscard]] std::size_t number() const noexcept { return number_; }
    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
    [[nodiscard]] std::uint64_t asked_at() const noexcept { return asked_at_; }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }

    int step = 0;            // the customer's
    std::uint64_t began = 0; // the customer's

private:
    friend class Loop;
    enum class Waiting { nothing, status, body, learning, end };

    void hear(std::string_view octets);
    bool hear_status(std::string_view& octets);
    bool hear_body(std::string_view& octets);
    bool hear_to_learn(std::string_view& octets);
    void begin_body();
    void done();
    void fail(const std::string& why);

    Loop* loop_;
    Customer* customer_;
    buzon::posix::UniqueFd socket_;
    std::size_t number_;
    Waiting waiting_ = Waiting::nothing;
    Expected expected_;
    std::size_t matched_ = 0;
    std::string line_; // a status line that arrives in pieces
    std::uint64_t asked_at_ = 0;
    std::uint64_t received_ = 0;
};

} // namespace bench
