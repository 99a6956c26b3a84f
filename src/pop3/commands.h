// pop3/commands.h - the table of POP3 commands and their handlers. The table is the protocol: to add a command is to
// add a row and a handler.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/auth/sasl.h"
#include "buzon/pop3/action.h"
#include "buzon/pop3/session.h"
#include "catalogue.h"

namespace buzon::pop3 {

enum class When : std::uint8_t { before_login, after_login, always };

struct Command {
    // An argument of this many words may hold spaces: it is the rest of the line, untouched.
    static constexpr std::uint8_t rest_of_line = 255;

    state::Pop3Command id; // whose name is the verb
    When when;
    std::uint8_t min_arguments;
    std::uint8_t max_arguments;
    Action (*run)(Session& session, std::string_view arguments, std::string& out);

    [[nodiscard]] constexpr std::string_view verb() const noexcept { return state::name_of(id); }
};

// The row of a verb, in any case but as a whole; null when there is none.
[[nodiscard]] const Command* find_command(std::string_view verb) noexcept;

// Digits alone, from 1; "", "0", "+1", "1abc", "0x2", "1.5" and "4294967297" are no message numbers.
[[nodiscard]] std::optional<MessageNumber> parse_message_number(std::string_view text) noexcept;
// Digits alone, from 0.
[[nodiscard]] std::optional<std::uint32_t> parse_count(std::string_view text) noexcept;

// The handlers. The table has seen to state and number of arguments before. A friend of Session, so that its state is
// nobody else's.
struct Commands {
    // commands_always.cpp
    static Action quit(Session& session, std::string_view arguments, std::string& out);
    static Action capa(Session& session, std::string_view arguments, std::string& out);
    static Action lang(Session& session, std::string_view arguments, std::string& out);
    static Action stls(Session& session, std::string_view arguments, std::string& out);

    // commands_login.cpp
    static Action user(Session& session, std::string_view arguments, std::string& out);
    static Action pass(Session& session, std::string_view arguments, std::string& out);
    static Action apop(Session& session, std::string_view arguments, std::string& out);
    static Action utf8(Session& session, std::string_view arguments, std::string& out);

    // commands_auth.cpp: AUTH and what is said until its end
    static Action auth(Session& session, std::string_view arguments, std::string& out);
    static Action answer(Session& session, std::string_view line, std::string& out);
    static void supply(Session& session, auth::ScramCredentials credentials, bool genuine, std::string& out);

    // commands_mail.cpp
    static Action stat(Session& session, std::string_view arguments, std::string& out);
    static Action list(Session& session, std::string_view arguments, std::string& out);
    static Action uidl(Session& session, std::string_view arguments, std::string& out);
    static Action retr(Session& session, std::string_view arguments, std::string& out);
    static Action top(Session& session, std::string_view arguments, std::string& out);
    static Action dele(Session& session, std::string_view arguments, std::string& out);
    static Action rset(Session& session, std::string_view arguments, std::string& out);
    static Action search(Session& session, std::string_view arguments, std::string& out);
    static Action report(Session& session, std::string_view arguments, std::string& out);
    static Action noop(Session& session, std::string_view arguments, std::string& out);

private:
    static Action refuse_clear_text(Session& session, std::string user, Mechanism mechanism, std::string& out);
    static std::optional<MessageNumber> find_message(Session& session, std::string_view text, std::string& out);
    static Action deliver(Session& session, MessageNumber number, std::optional<std::uint32_t> top_lines,
                          std::string& out);
    static Action follow(Session& session, auth::Step step, std::string& out);
};

} // namespace buzon::pop3
