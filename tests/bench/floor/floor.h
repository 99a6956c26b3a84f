// bench/floor/floor.h - the work that no honest server can avoid, and nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

// Throws std::system_error with errno.
[[noreturn]] void give_up(const char* what);

// Prints its port and answers POP3 commands with the replies in `folder` (made by bench_load canned), forever.
[[noreturn]] void serve_canned(const std::string& folder);

// Prints its port and sends `octets` octets of lines, `every` so often, to each client that asks for anything, forever.
[[noreturn]] void feed_lines(std::size_t octets, std::chrono::milliseconds every);

// readdir, open, read and close of every file in one folder. Returns how many there were.
[[nodiscard]] std::uint64_t open_all(const std::string& folder);

// Runs the program `words` on the file again and again, two at a time, and reads the output. Returns how many ended.
[[nodiscard]] std::uint64_t spawn_for(double seconds, const char* file, char* const* words);

} // namespace bench
