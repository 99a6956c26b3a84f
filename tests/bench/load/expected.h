// bench/load/expected.h - what a correct server must send for a Maildir, computed the plain way from the files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// A stored mail in the form that RETR sends after its status line: CRLF, dot-stuffed, ended by ".\r\n".
[[nodiscard]] std::string wire_form(std::string_view stored);

// How many octets a client has after undoing the dot-stuffing (RFC 1939 section 11).
[[nodiscard]] std::uint64_t octets_received(std::string_view stored);

struct Maildrop {
    std::vector<std::string> paths;    // in order of delivery; empty if only the numbers were given
    std::vector<std::uint64_t> octets; // of each path
    std::uint64_t messages = 0;
    std::uint64_t total = 0;

    // The replies that are the same from every server, apart from the words of the status.
    [[nodiscard]] std::string stat_reply() const;
    [[nodiscard]] std::string list_reply(std::size_t number) const; // from 1
    [[nodiscard]] std::string list_body() const;
};

// Reads every mail of a Maildir (cur and new). Throws std::system_error.
[[nodiscard]] Maildrop read_maildrop(const std::string& maildir);

// The whole file; throws std::system_error.
[[nodiscard]] std::string read_whole(const std::string& path);

// What `command` (run by the shell) writes with the file as its standard input. Throws if it writes nothing.
[[nodiscard]] std::string filtered(const std::string& command, const std::string& path);

} // namespace bench
