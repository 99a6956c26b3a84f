// manage/session.h - the management protocol (docs/management-protocol.md). Knows no descriptors, no clock, no
// files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/manage/action.h"
#include "buzon/manage/host.h"
#include "buzon/state/line_feed.h"

namespace buzon::manage {

// Maximum octets of a line without its end. Longer lines go to too_long().
inline constexpr std::size_t max_line = 4096;

//            +------------- done() -------------+
//            v                                  |
//  --> Ready --line()--> Answered            Performing   (an Action of action.h; takes no line)
//        |  ^ ^------ produce() done ------ Producing     (a long reply; takes no line)
//        |  +----------- line() ----------- Following     (EVNT, LOGG FOLLOW)
//        +--> Closing                                     (QUIT, a foreign protocol, too many mistakes)
class Session {
public:
    struct Peer {
        std::string name;     // address for the log
        bool trusted = false; // a unix peer with root's or our own user id: needs no AUTH
        std::uint64_t id = 0; // of the connection, for the log
    };

    // `wake` is called while the session is live and has something new; it must only note that (see LineFeed). The host
    // must outlive the session.
    Session(Host& host, Peer peer, std::function<void()> wake);
    ~Session();

    // The first thing to send.
    void greet(std::string& out) const;

    // Handles one line without its end; the returned Action says what was appended to `out`.
    [[nodiscard]] Action line(std::string_view text, std::string& out);
    // The same for a line longer than max_line, whose rest the reader skipped.
    [[nodiscard]] Action too_long(std::string& out);
    // The same for a line with a NUL, which the reader did not pass on.
    [[nodiscard]] Action invalid(std::string& out);
    // Whether the first octets belong to a protocol that may never send a line end (TLS). If so, pass them to line().
    [[nodiscard]] static bool is_foreign(std::string_view first_octets) noexcept;

    // Whether an administrator is configured, and this peer has not logged in.
    [[nodiscard]] bool is_stranger() const;

    // Continues a Producing or Following reply, appending at most about `room` octets (or a line more). Returns true
    // while there is or may be more, and false once a Producing reply is complete and the session accepts the next
    // line.
    [[nodiscard]] bool produce(std::string& out, std::size_t room);

    // Reports the end of an Action; returns Answered or Closing.
    [[nodiscard]] Action done(const Outcome& outcome, std::string& out);

    struct Impl; // src/manage/session_impl.h

private:
    std::unique_ptr<Impl> impl_;
};

// A row of the command table, for the test that compares it with the documentation.
struct CommandHelp {
    std::string_view keyword, meaning;
};
[[nodiscard]] std::size_t command_count() noexcept;
[[nodiscard]] CommandHelp command_help(std::size_t index) noexcept;

} // namespace buzon::manage
