// tls/order.h - what the child that becomes the TLS program is told. The configuration says which program to run and
// with what (keeper::Rules); the reactor says where to send the decrypted connections. Used by all three sides.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::tls {

// The argv[0] that marks a process of this program as the child that becomes the TLS program.
inline constexpr const char* child_name = "buzon-tls";

struct Order {
    std::string program;
    std::string certificate, key;     // files
    std::vector<std::string> options; // of stunnel's service section, "NAME = VALUE" (--tls-options)
};
[[nodiscard]] std::string encode(const Order& order);
[[nodiscard]] std::optional<Order> decode(std::string_view text);

// What the reactor knows about it.
struct Use {
    std::string program;              // for messages
    std::string back;                 // the unix socket it connects to, with a PROXY header
    std::uint32_t busy_seconds = 180; // for a handshake
};

// What the reactor sends to the child, in one message.
struct Way {
    std::uint32_t busy_seconds = 180;
    std::array<char, 108> back{}; // ended by a NUL
};
[[nodiscard]] Way way_of(const Use& use) noexcept;
// Whether `back` is an absolute path, and nothing that the program would read as more than that.
[[nodiscard]] bool is_sound(const Way& way) noexcept;

// stunnel's configuration file. `certificate` and `key`: the paths under which the child has them.
[[nodiscard]] std::string configuration(const Order& order, const Way& way, const std::string& certificate,
                                        const std::string& key);

// Why this line cannot be an option of --tls-options; empty if it can.
[[nodiscard]] std::string fault_of_option(std::string_view line);

// After these words, the child says which certificate it has read, in hexadecimal digits: its tls-server-end-point (RFC
// 5929 section 4).
inline constexpr std::string_view certificate_words = "certificate ";
// What the program says on stderr when it has read its certificate.
inline constexpr std::string_view ready_words = "Configuration successful";
// A line of its log, without time and level. error: its level is an error, or worse.
struct LogLine {
    bool error = false;
    std::string_view text;
};
[[nodiscard]] LogLine parse_log_line(std::string_view line) noexcept;

} // namespace buzon::tls
