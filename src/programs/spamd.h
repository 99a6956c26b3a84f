// programs/spamd.h - has a message looked at by SpamAssassin's spamd (SPAMC/1.5), over a unix or TCP socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace buzon::programs {

struct Spamd {
    std::string socket;             // of a path, if not empty
    std::string host = "localhost"; // else
    std::string port = "783";
    std::size_t max_size = std::size_t{500} * 1024; // larger messages are not looked at
    std::chrono::milliseconds timeout{45'000};      // for all of it
};

struct Scanned {
    std::string octets;  // the message, with what spamd has added
    std::string problem; // empty: there is one
};

// user: whose preferences count; empty: nobody's.
[[nodiscard]] Scanned ask_spamd(const Spamd& spamd, std::string_view message, std::string_view user);

} // namespace buzon::programs
