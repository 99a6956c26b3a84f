// bench/floor/floor.h - the work no honest server can avoid, done bare.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

// Throws std::system_error with errno.
[[noreturn]] void give_up(const char* what);

// Says its port on stdout and answers POP3 commands with the replies of `folder` (made by bench_load canned), for ever.
[[noreturn]] void serve_canned(const std::string& folder);

// Says its port on stdout and sends whoever asks for anything so many octets of lines every so often, for ever.
[[noreturn]] void feed_lines(std::size_t octets, std::chrono::milliseconds every);

// readdir, open, read, close of every file of one folder. How many there were.
[[nodiscard]] std::uint64_t open_all(const std::string& folder);

// The program `words` on the file again and again, two in flight, its output read. How often it ended.
[[nodiscard]] std::uint64_t spawn_for(double seconds, const char* file, char* const* words);

} // namespace bench
