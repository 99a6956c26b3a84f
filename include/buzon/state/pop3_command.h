// state/pop3_command.h - POP3 commands as numbers, for counting them and switching them off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::state {

// `unknown` counts the lines that were not commands; it comes last and is never switched off.
enum class Pop3Command : std::uint8_t {
    user,
    pass,
    apop,
    auth,
    capa,
    stls,
    quit,
    stat,
    list,
    retr,
    dele,
    noop,
    rset,
    top,
    uidl,
    utf8,
    lang,
    search,
    report,
    unknown
};

inline constexpr std::array<std::string_view, 20> pop3_command_names = {
    "USER", "PASS", "APOP", "AUTH", "CAPA", "STLS", "QUIT", "STAT",   "LIST",   "RETR",
    "DELE", "NOOP", "RSET", "TOP",  "UIDL", "UTF8", "LANG", "SEARCH", "REPORT", "unknown"};
inline constexpr std::size_t pop3_command_count = pop3_command_names.size();
static_assert(static_cast<std::size_t>(Pop3Command::unknown) + 1 == pop3_command_count);

// The optional commands, which --disable accepts.
inline constexpr std::array optional_commands = {
    Pop3Command::top,  Pop3Command::uidl, Pop3Command::user, Pop3Command::pass,   Pop3Command::apop,  Pop3Command::auth,
    Pop3Command::capa, Pop3Command::utf8, Pop3Command::lang, Pop3Command::search, Pop3Command::report};

[[nodiscard]] constexpr std::string_view name_of(Pop3Command command) noexcept {
    return pop3_command_names[static_cast<std::size_t>(command)];
}

class CommandSet {
public:
    constexpr CommandSet() = default;
    constexpr CommandSet(std::initializer_list<Pop3Command> commands) {
        for (const Pop3Command command : commands) insert(command);
    }
    constexpr void insert(Pop3Command command) noexcept { bits_ |= bit(command); }
    [[nodiscard]] constexpr bool contains(Pop3Command command) const noexcept { return (bits_ & bit(command)) != 0; }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    constexpr bool operator==(const CommandSet&) const = default;

private:
    static constexpr std::uint32_t bit(Pop3Command command) noexcept {
        return std::uint32_t{1} << static_cast<unsigned>(command);
    }
    std::uint32_t bits_ = 0;
};

// "TOP,UIDL" in any case; "" and "none" are the empty set. std::nullopt if a name is not an optional command.
[[nodiscard]] std::optional<CommandSet> parse_command_set(std::string_view text);
// "TOP,UIDL", or "none".
[[nodiscard]] std::string print_command_set(CommandSet commands);

} // namespace buzon::state
