// pop3/reply.h - how a reply is written: status, response code, text. Knows no command.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace buzon::pop3 {

// RFC 2449 section 8, RFC 3206.
enum class Code : std::uint8_t { none, auth, in_use, login_delay, sys_temp, sys_perm };

using Numbers = std::initializer_list<std::uint64_t>;

// "+OK text", each "{}" of the text replaced by the next number.
void ok(std::string& out, std::string_view text, Numbers numbers = {});
// "-ERR [CODE] text"
void err(std::string& out, Code code, std::string_view text, Numbers numbers = {});

template <std::unsigned_integral Number>
void append_number(std::string& out, Number number) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, end);
}

// "1 120": a line of LIST or STAT. Listings have a million of them, so each is put together first and appended once.
void append_pair(std::string& out, std::uint64_t first, std::uint64_t second);
// "1 whqtswO00WBw418f9t5JxYwZ": a line of UIDL.
void append_pair(std::string& out, std::uint64_t first, std::string_view second);

} // namespace buzon::pop3
