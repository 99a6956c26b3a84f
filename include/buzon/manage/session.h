// manage/session.h - what a manager may say and what we answer (docs/management-protocol.md). Knows no descriptors, no
// clock, no files.
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

// Octets of a line without its end. Longer lines go to too_long().
inline constexpr std::size_t max_line = 4096;

//            +------------- done() -------------+
//            v                                  |
//  --> Ready --line()--> Answered            Performing   (an Action of action.h; no line meanwhile)
//        |  ^ ^------ produce() done ------ Producing     (a long reply; no line meanwhile)
//        |  +----------- line() ----------- Following     (EVNT, LOGG FOLLOW)
//        +--> Closing                                     (QUIT, a foreign protocol, too many mistakes)
class Session {
public:
    struct Peer {
        std::string name;     // address for the log
        bool trusted = false; // a unix peer with root's or our own user id: needs no AUTH
        std::uint64_t id = 0; // of the connection, for the log
    };

    // `wake` is called while the session is live and has something new; it only notes that (see LineFeed). The host
    // lives longer than the session.
    Session(Host& host, Peer peer, std::function<void()> wake);
    ~Session();

    // The first thing to send.
    void greet(std::string& out) const;

    // Takes one line without its end and appends to `out` what the returned Action says.
    [[nodiscard]] Action line(std::string_view text, std::string& out);
    // The same for a line beyond max_line, of which the reader skipped the rest.
    [[nodiscard]] Action too_long(std::string& out);
    // The same for a line with a NUL in it, which the reader did not hand out.
    [[nodiscard]] Action invalid(std::string& out);
    // Whether the very first octets show another protocol that may never send a line end (TLS). Then: line() with them.
    [[nodiscard]] static bool is_foreign(std::string_view first_octets) noexcept;

    // Continues a Producing or Following reply, appending about `room` octets at most (a line more). True while there
    // is, or may come, more; false when a Producing reply is complete and the next line may come.
    [[nodiscard]] bool produce(std::string& out, std::size_t room);

    // The end of a performed Action; gives Answered or Closing.
    [[nodiscard]] Action done(const Outcome& outcome, std::string& out);

    struct Impl; // src/manage/session_impl.h

private:
    std::unique_ptr<Impl> impl_;
};

// A row of the protocol's table, for HELP, the document's test and completion in the client.
struct CommandHelp {
    std::string_view keyword, arguments, meaning;
};
[[nodiscard]] std::size_t command_count() noexcept;
[[nodiscard]] CommandHelp command_help(std::size_t index) noexcept;

} // namespace buzon::manage
