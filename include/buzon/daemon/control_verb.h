// daemon/control_verb.h - which command a line is, for the counters. Runs for every line of every client, so it
// compares numbers instead of words.
#pragma once

#include <cstdint>
#include <string_view>

#include "buzon/state/pop3_command.h"

namespace buzon::daemon {

namespace detail {

// Four letters as one number. Bit 5 is cleared, which makes small letters capital ones.
constexpr std::uint32_t four(std::string_view text) noexcept {
    std::uint32_t n = 0;
    for (std::size_t i = 0; i < 4; ++i) n = n << 8 | static_cast<std::uint8_t>(text[i]);
    return n & 0xDFDFDFDF;
}

constexpr bool ends_at(std::string_view line, std::size_t place) noexcept {
    return line.size() == place || line[place] == ' ';
}

constexpr bool is_long(std::string_view line, std::string_view verb) noexcept {
    if (line.size() < verb.size() || !ends_at(line, verb.size())) return false;
    for (std::size_t i = 0; i < verb.size(); ++i) {
        if ((line[i] & 0xDF) != verb[i]) return false;
    }
    return true;
}

} // namespace detail

// A line without its end. What is no command of ours is `unknown`.
[[nodiscard]] constexpr state::Pop3Command verb_of(std::string_view line) noexcept {
    using state::Pop3Command;
    if (line.size() < 4) return detail::is_long(line, "TOP") ? Pop3Command::top : Pop3Command::unknown;
    if (!detail::ends_at(line, 4)) {
        if (detail::is_long(line, "TOP")) return Pop3Command::top;
        if (detail::is_long(line, "SEARCH")) return Pop3Command::search;
        if (detail::is_long(line, "REPORT")) return Pop3Command::report;
        return Pop3Command::unknown;
    }
    switch (detail::four(line)) {
    case detail::four("USER"): return Pop3Command::user;
    case detail::four("PASS"): return Pop3Command::pass;
    case detail::four("APOP"): return Pop3Command::apop;
    case detail::four("AUTH"): return Pop3Command::auth;
    case detail::four("CAPA"): return Pop3Command::capa;
    case detail::four("STLS"): return Pop3Command::stls;
    case detail::four("QUIT"): return Pop3Command::quit;
    case detail::four("STAT"): return Pop3Command::stat;
    case detail::four("LIST"): return Pop3Command::list;
    case detail::four("RETR"): return Pop3Command::retr;
    case detail::four("DELE"): return Pop3Command::dele;
    case detail::four("NOOP"): return Pop3Command::noop;
    case detail::four("RSET"): return Pop3Command::rset;
    case detail::four("UIDL"): return Pop3Command::uidl;
    case detail::four("LANG"): return Pop3Command::lang;
    default: break;
    }
    // '8' has no other case: it would not survive the clearing.
    const bool utf8 = (line[0] & 0xDF) == 'U' && (line[1] & 0xDF) == 'T' && (line[2] & 0xDF) == 'F' && line[3] == '8';
    return utf8 ? Pop3Command::utf8 : Pop3Command::unknown;
}

} // namespace buzon::daemon
