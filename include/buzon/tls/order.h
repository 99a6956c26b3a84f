// tls/order.h - what the child that becomes the TLS program is told: by the configuration, which program, and with what
// (keeper::Rules); by the reactor, where its clients come out. Used by all three sides.
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
    std::vector<std::string> options; // of stunnel's service, "NAME = VALUE" (--tls-options)
};
[[nodiscard]] std::string encode(const Order& order);
[[nodiscard]] std::optional<Order> decode(std::string_view text);

// What the reactor knows of it.
struct Use {
    std::string program;              // for messages
    std::string back;                 // the unix socket that it connects to, with a PROXY header
    std::uint32_t busy_seconds = 180; // for a handshake
};

// And says to the child, in one message.
struct Way {
    std::uint32_t busy_seconds = 180;
    std::array<char, 108> back{}; // ended by a NUL
};
[[nodiscard]] Way way_of(const Use& use) noexcept;
// Whether it is a path, and nothing that the program would take for more than that.
[[nodiscard]] bool is_sound(const Way& way) noexcept;

// What stunnel reads. `certificate` and `key`: where the child has them.
[[nodiscard]] std::string configuration(const Order& order, const Way& way, const std::string& certificate,
                                        const std::string& key);

// Why this line cannot be an option of --tls-options; empty if it can.
[[nodiscard]] std::string fault_of_option(std::string_view line);

// Before these words, the child says which certificate it has read, in hexadecimal digits: its tls-server-end-point
// (RFC 5929 section 4).
inline constexpr std::string_view certificate_words = "certificate ";
// What the program says on stderr when it has read its certificate.
inline constexpr std::string_view ready_words = "Configuration successful";
// A line of its log, without time and level; error: its level is one.
struct LogLine {
    bool error = false;
    std::string_view text;
};
[[nodiscard]] LogLine parse_log_line(std::string_view line) noexcept;

} // namespace buzon::tls
