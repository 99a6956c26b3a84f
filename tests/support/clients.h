// support/clients.h - a minimal POP3 client and a minimal management client. They stop at the first thing that a
// standard client would not expect.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/wire.h"

namespace buzon::test {

// What RFC 1939 and the management protocol have in common: lines, and multi-line replies that end in ".".
class LineClient : public Wire {
public:
    using Wire::Wire;

    // Sends the command with a CRLF; returns the first line of the reply.
    std::string command(std::string_view line);
    // The body of a multi-line reply with dot-stuffing undone, each line ended by CRLF. Also reads the final ".".
    [[nodiscard]] std::string body();
    [[nodiscard]] std::vector<std::string> body_lines();
    // command(), which must be answered by "+OK...", then the body that follows.
    [[nodiscard]] std::string many(std::string_view line);
};

class Pop3Client : public LineClient {
public:
    // Connects and reads the greeting, which must be "+OK POP3 server ready...".
    Pop3Client(const std::string& address, std::uint16_t port, const Options& options);
    Pop3Client(const std::string& address, std::uint16_t port) : Pop3Client(address, port, Options{}) {}

    [[nodiscard]] const std::string& greeting() const noexcept { return greeting_; }
    // USER and PASS; throws unless both are answered by "+OK".
    void login(const std::string& user, const std::string& password);
    [[nodiscard]] std::string retrieve(int message);
    // Sends QUIT and waits for "+OK" and for the server to close the connection.
    void quit();

private:
    std::string greeting_;
};

class ManagementClient : public LineClient {
public:
    ManagementClient(const std::string& address, std::uint16_t port);
    // The text of the reply after "+OK "; throws on "-ERR".
    [[nodiscard]] std::string ask(std::string_view line);
};

struct Metrics {
    unsigned long long messages = 0, octets = 0, online = 0, historic = 0;
    bool operator==(const Metrics&) const = default;
};
// The four numbers of "+OK messages;bytes;online;historic".
[[nodiscard]] Metrics parse_metrics(const std::string& reply);
std::ostream& operator<<(std::ostream& out, const Metrics& metrics);

} // namespace buzon::test
