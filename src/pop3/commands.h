// pop3/commands.h - the table of POP3 commands and their handlers. To add a command, add a row and
// a handler.
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
    // As max_arguments: the argument is the rest of the line, unchanged, and may contain spaces.
    static constexpr std::uint8_t rest_of_line = 255;

    state::Pop3Command id; // its name is the verb
    When when;
    std::uint8_t min_arguments;
    std::uint8_t max_arguments;
    Action (*run)(Session& session, std::string_view arguments, std::string& out);

    [[nodiscard]] constexpr std::string_view verb() const noexcept { return state::name_of(id); }
};

// Finds a verb, case-insensitively and as a whole; null if there is none.
[[nodiscard]] const Command* find_command(std::string_view verb) noexcept;

// Digits only, from 1; "", "0", "+1", "1abc", "0x2", "1.5" and "4294967297" are not message numbers.
[[nodiscard]] std::optional<MessageNumber> parse_message_number(std::string_view text) noexcept;
// Digits only, from 0.
[[nodiscard]] std::optional<std::uint32_t> parse_count(std::string_view text) noexcept;

// The handlers. The state and the number of arguments have been checked against the table. A friend of Session, so that
// nothing else can access its state.
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

    // commands_auth.cpp: AUTH and its exchange
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

// Ordered by frequency in a session with much mail.
inline constexpr Command commands[] = {
    {state::Pop3Command::retr, When::after_login, 1, 1, Commands::retr},
    {state::Pop3Command::dele, When::after_login, 1, 1, Commands::dele},
    {state::Pop3Command::top, When::after_login, 2, 2, Commands::top},
    {state::Pop3Command::list, When::after_login, 0, 1, Commands::list},
    {state::Pop3Command::uidl, When::after_login, 0, 1, Commands::uidl},
    {state::Pop3Command::noop, When::after_login, 0, 0, Commands::noop},
    {state::Pop3Command::stat, When::after_login, 0, 0, Commands::stat},
    {state::Pop3Command::user, When::before_login, 1, Command::rest_of_line, Commands::user},
    {state::Pop3Command::pass, When::before_login, 1, Command::rest_of_line, Commands::pass},
    {state::Pop3Command::quit, When::always, 0, 0, Commands::quit},
    {state::Pop3Command::capa, When::always, 0, 0, Commands::capa},
    {state::Pop3Command::auth, When::before_login, 0, 2, Commands::auth},
    {state::Pop3Command::apop, When::before_login, 2, 2, Commands::apop},
    {state::Pop3Command::rset, When::after_login, 0, 0, Commands::rset},
    {state::Pop3Command::utf8, When::before_login, 0, 0, Commands::utf8},
    {state::Pop3Command::lang, When::always, 0, 1, Commands::lang},
    {state::Pop3Command::search, When::after_login, 1, Command::rest_of_line, Commands::search},
    {state::Pop3Command::report, When::after_login, 0, 1, Commands::report},
    {state::Pop3Command::stls, When::always, 0, 0, Commands::stls},
};

} // namespace buzon::pop3
