// programs/spamd.h - passes a message through SpamAssassin's spamd (SPAMC/1.5), over a unix or TCP socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace buzon::programs {

struct Spamd {
    std::string socket;             // path of a unix socket; empty: TCP
    std::string host = "localhost"; // with TCP
    std::string port = "783";
    std::size_t max_size = std::size_t{500} * 1024; // larger messages are not checked
    std::chrono::milliseconds timeout{45'000};      // for one message, without the look-up of `host`
};

struct Scanned {
    std::string octets;  // the message, with what spamd has added
    std::string problem; // empty on success
};

// user: whose preferences apply; empty: nobody's.
[[nodiscard]] Scanned ask_spamd(const Spamd& spamd, std::string_view message, std::string_view user);

} // namespace buzon::programs
