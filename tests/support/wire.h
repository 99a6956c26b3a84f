// support/wire.h - a test's end of a connection: blocking, every wait bounded, all octets counted. Knows no protocol
// beyond lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/unique_fd.h"
#include "support/process.h"

namespace buzon::test {

// The peer closed or reset the connection, or was silent for too long.
struct ConnectionLost : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Wire {
public:
    struct Options {
        int receive_buffer = 0; // SO_RCVBUF; 0: the system's default
        std::string from = {};  // the source address; empty: the system's choice
    };

    // `address` is an IPv4 or IPv6 address, or "unix:PATH" (then the port is ignored).
    Wire(const std::string& address, std::uint16_t port, const Options& options);
    Wire(const std::string& address, std::uint16_t port) : Wire(address, port, Options{}) {}

    // Sends all of it; throws ConnectionLost when the peer does not read it.
    void send(std::string_view octets);
    // Sends as much as the socket takes at once, which may be nothing.
    std::size_t send_some(std::string_view octets);
    // Waits until the peer has read everything sent so far, so that later octets reach it separately. TCP/IPv4 only.
    void wait_until_read() const;
    // Closes only our direction: the peer reads an end of file.
    void finish_sending();
    // Ends the connection by a reset instead of an orderly close.
    void reset();
    void close() { fd_.reset(); }

    // The next line without its CRLF. Throws ConnectionLost if a line ends in LF alone.
    [[nodiscard]] std::string line();
    [[nodiscard]] std::string exactly(std::size_t octets);
    // Whatever has arrived, at least one octet; empty at the peer's end of file.
    [[nodiscard]] std::string some(std::size_t max = 65536);
    // Everything up to the peer's end of file. A reset counts as one if `reset_is_end`.
    [[nodiscard]] std::string rest(bool reset_is_end = false);
    // Waits; true if the peer closes or resets the connection with nothing more to read.
    [[nodiscard]] bool ended();
    // Whether nothing arrives for this time.
    [[nodiscard]] bool silent_for(Seconds time);

    // All octets taken from the socket so far.
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    enum class Got { octets, end, reset };
    Got fill(); // reads at least one more octet into buffer_, or the end
    std::string take(std::size_t octets);
    [[nodiscard]] std::size_t untaken() const noexcept { return buffer_.size() - taken_; }

    posix::UniqueFd fd_;
    std::string buffer_;
    std::size_t taken_ = 0; // of the octets in buffer_
    std::uint64_t received_ = 0;
};

// Whether something accepts connections there.
[[nodiscard]] bool reachable(const std::string& address, std::uint16_t port);
// A TCP port that nothing uses now, outside the kernel's range of ephemeral ports.
[[nodiscard]] std::uint16_t free_port();
[[nodiscard]] bool have_ipv6();

// A socket that occupies a port, so that nobody else can bind it.
class TakenPort {
public:
    explicit TakenPort(const std::string& address = "127.0.0.1");
    [[nodiscard]] std::uint16_t number() const noexcept { return port_; }

private:
    posix::UniqueFd fd_;
    std::uint16_t port_ = 0;
};

} // namespace buzon::test
