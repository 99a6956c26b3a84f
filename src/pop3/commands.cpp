#include "commands.h"

#include <array>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"

namespace buzon::pop3 {

namespace {

using enum When;
using Id = state::Pop3Command;

constexpr std::uint8_t rest = Command::rest_of_line;

// Ordered by frequency in a session with much mail.
constexpr Command table[] = {
    {Id::retr, after_login, 1, 1, Commands::retr},
    {Id::dele, after_login, 1, 1, Commands::dele},
    {Id::top, after_login, 2, 2, Commands::top},
    {Id::list, after_login, 0, 1, Commands::list},
    {Id::uidl, after_login, 0, 1, Commands::uidl},
    {Id::noop, after_login, 0, 0, Commands::noop},
    {Id::stat, after_login, 0, 0, Commands::stat},
    {Id::user, before_login, 1, rest, Commands::user},
    {Id::pass, before_login, 1, rest, Commands::pass},
    {Id::quit, always, 0, 0, Commands::quit},
    {Id::capa, always, 0, 0, Commands::capa},
    {Id::auth, before_login, 0, 2, Commands::auth},
    {Id::apop, before_login, 2, 2, Commands::apop},
    {Id::rset, after_login, 0, 0, Commands::rset},
    {Id::utf8, before_login, 0, 0, Commands::utf8},
    {Id::lang, always, 0, 1, Commands::lang},
    {Id::search, after_login, 1, rest, Commands::search},
    {Id::report, after_login, 0, 1, Commands::report},
    {Id::stls, always, 0, 0, Commands::stls},
};

// A verb of up to eight letters as one number, so that finding a row compares numbers.
constexpr std::uint64_t packed(std::string_view verb) noexcept {
    std::uint64_t value = 0;
    for (const char letter : verb) value = value << 8 | static_cast<unsigned char>(line::ascii_upper(letter));
    return value;
}

constexpr auto keys = [] {
    std::array<std::uint64_t, std::size(table)> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = packed(table[i].verb());
    return all;
}();

} // namespace

const Command* find_command(std::string_view verb) noexcept {
    if (verb.empty() || verb.size() > sizeof(std::uint64_t)) return nullptr;
    const std::uint64_t key = packed(verb);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i] == key && table[i].verb().size() == verb.size()) return &table[i];
    }
    return nullptr;
}

std::optional<MessageNumber> parse_message_number(std::string_view text) noexcept {
    const std::optional<std::uint32_t> number = line::parse_whole<std::uint32_t>(text);
    if (!number || *number == 0) return std::nullopt;
    return MessageNumber{*number};
}

std::optional<std::uint32_t> parse_count(std::string_view text) noexcept {
    return line::parse_whole<std::uint32_t>(text);
}

} // namespace buzon::pop3
