#include "commands.h"

#include <array>
#include <charconv>

#include "buzon/line/command_line.h"

namespace buzon::pop3 {

namespace {

using enum When;

constexpr std::uint8_t rest = Command::rest_of_line;

// In the order of how often they are used in a session with much mail.
constexpr Command table[] = {
    {"RETR", after_login, 1, 1, Commands::retr},
    {"DELE", after_login, 1, 1, Commands::dele},
    {"TOP", after_login, 2, 2, Commands::top, state::Pop3Command::top},
    {"LIST", after_login, 0, 1, Commands::list},
    {"UIDL", after_login, 0, 1, Commands::uidl, state::Pop3Command::uidl},
    {"NOOP", after_login, 0, 0, Commands::noop},
    {"STAT", after_login, 0, 0, Commands::stat},
    {"USER", before_login, 1, rest, Commands::user, state::Pop3Command::user},
    {"PASS", before_login, 1, rest, Commands::pass, state::Pop3Command::pass},
    {"QUIT", always, 0, 0, Commands::quit},
    {"CAPA", always, 0, 0, Commands::capa, state::Pop3Command::capa},
    {"AUTH", before_login, 0, 2, Commands::auth, state::Pop3Command::auth},
    {"APOP", before_login, 2, 2, Commands::apop, state::Pop3Command::apop},
    {"RSET", after_login, 0, 0, Commands::rset},
    {"UTF8", before_login, 0, 0, Commands::utf8, state::Pop3Command::utf8},
    {"LANG", always, 0, 1, Commands::lang, state::Pop3Command::lang},
    {"SEARCH", after_login, 1, rest, Commands::search, state::Pop3Command::search},
    {"REPORT", after_login, 0, 1, Commands::report, state::Pop3Command::report},
    {"STLS", always, 0, 0, Commands::stls},
};

// A verb of up to eight letters as one number, so that finding a row compares numbers.
constexpr std::uint64_t packed(std::string_view verb) noexcept {
    std::uint64_t value = 0;
    for (const char letter : verb) value = value << 8 | static_cast<unsigned char>(line::ascii_upper(letter));
    return value;
}

constexpr auto keys = [] {
    std::array<std::uint64_t, std::size(table)> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = packed(table[i].verb);
    return all;
}();

template <class Number>
std::optional<Number> parse_digits(std::string_view text) noexcept {
    Number value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

} // namespace

const Command* find_command(std::string_view verb) noexcept {
    if (verb.empty() || verb.size() > sizeof(std::uint64_t)) return nullptr;
    const std::uint64_t key = packed(verb);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i] == key && table[i].verb.size() == verb.size()) return &table[i];
    }
    return nullptr;
}

std::optional<MessageNumber> parse_message_number(std::string_view text) noexcept {
    const std::optional<std::uint32_t> number = parse_digits<std::uint32_t>(text);
    if (!number || *number == 0) return std::nullopt;
    return MessageNumber{*number};
}

std::optional<std::uint32_t> parse_count(std::string_view text) noexcept {
    return parse_digits<std::uint32_t>(text);
}

} // namespace buzon::pop3
