// manage/session_impl.h - state shared by the commands of a management session.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/manage/forms.h"
#include "buzon/manage/session.h"
#include "line_filter.h"
#include "listing.h"

namespace buzon::manage {

struct Session::Impl {
    Impl(Host& h, Peer p, std::function<void()> w) : host{h}, peer{std::move(p)}, wake{std::move(w)} {}

    Host& host;
    Peer peer;
    std::function<void()> wake;

    bool first_line = true;
    bool authenticated = false;
    unsigned failed_logins = 0;
    unsigned mistakes = 0; // unknown or overlong lines in a row

    Action pending = Answered{};                       // the action whose outcome done() will report
    std::unique_ptr<Listing> listing;                  // while Producing
    std::optional<state::LineFeed::Subscription> live; // while Following
    LineFilter filter;                                 // of the live view

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
    [[nodiscard]] Action follow(state::LineFeed& feed, std::uint32_t kinds, LineFilter wanted, std::string& out);

    // Publishes what this manager did.
    void note(state::EventType type, std::initializer_list<state::EventField> fields) const;
};

// One row of the command table.
struct Command {
    std::string_view keyword;
    std::string_view meaning;
    // `argument` is the text after the keyword and the blanks that follow it.
    Action (*run)(Session::Impl& session, std::string_view argument, std::string& out);
};

[[nodiscard]] const Command* find_command(std::string_view keyword);
// Who may use a line, by its form. A line that matches no form needs what the strictest form of its keyword needs.
[[nodiscard]] Access access_to(std::string_view line) noexcept;

} // namespace buzon::manage
