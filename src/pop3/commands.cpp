#include "commands.h"

#include <array>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"

namespace buzon::pop3 {

namespace {

// A verb of up to eight letters as one number, so that finding a row compares numbers.
constexpr std::uint64_t packed(std::string_view verb) noexcept {
    std::uint64_t value = 0;
    for (const char letter : verb) value = value << 8 | static_cast<unsigned char>(line::ascii_upper(letter));
    return value;
}

constexpr auto keys = [] {
    std::array<std::uint64_t, std::size(commands)> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = packed(commands[i].verb());
    return all;
}();

} // namespace

const Command* find_command(std::string_view verb) noexcept {
    if (verb.empty() || verb.size() > sizeof(std::uint64_t)) return nullptr;
    const std::uint64_t key = packed(verb);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i] == key && commands[i].verb().size() == verb.size()) return &commands[i];
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
