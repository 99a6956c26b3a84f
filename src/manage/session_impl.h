// manage/session_impl.h - state shared by the commands of a management session.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/manage/session.h"
#include "listing.h"

namespace buzon::manage {

// Who may run a command. free: anybody. served: anybody if no administrator is configured, else after login. guarded:
// an administrator, or a peer trusted by its user id.
enum class Access : std::uint8_t { free, served, guarded };

struct Session::Impl {
    Impl(Host& h, Peer p, std::function<void()> w) : host{h}, peer{std::move(p)}, wake{std::move(w)} {}

    Host& host;
    Peer peer;
    std::function<void()> wake;

    bool first_line = true;
    bool authenticated = false;
    unsigned failed_logins = 0;
    unsigned mistakes = 0; // unknown or overlong lines in a row

    Action pending = Answered{};                       // the action that done() will report
    std::unique_ptr<Listing> listing;                  // while Producing
    std::optional<state::LineFeed::Subscription> live; // while Following

    [[nodiscard]] bool may(Access access) const;
    // The -ERR for a line that may() refused.
    void refuse(Access access, std::string& out) const;

    [[nodiscard]] Action run(std::string_view text, std::string& out);
    [[nodiscard]] Action mistake(std::string_view why, std::string& out);
    [[nodiscard]] Action end_live(std::string& out);
    void produce_live(std::string& out, std::size_t end);

    // The usual results of a command.
    [[nodiscard]] Action answer(std::string_view text, std::string& out) const;
    [[nodiscard]] Action fail(std::string_view why, std::string& out) const;
    [[nodiscard]] Action list(std::unique_ptr<Listing> what, std::string& out);
    [[nodiscard]] Action list(std::vector<std::string> lines, std::string& out);
    [[nodiscard]] Action follow(state::LineFeed& feed, std::uint32_t kinds, std::size_t back, std::string& out);

    // Publishes what this manager did.
    void note(state::EventType type, std::initializer_list<state::EventField> fields) const;
};

// One row of the command table.
struct Command {
    std::string_view keyword;
    std::string_view arguments; // as HELP shows them
    std::string_view meaning;
    Access (*access)(std::string_view argument);
    // `argument` is the text after the keyword and one blank; empty if it is blank.
    Action (*run)(Session::Impl& session, std::string_view argument, std::string& out);
};

[[nodiscard]] const Command* find_command(std::string_view keyword);

} // namespace buzon::manage
