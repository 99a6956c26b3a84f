// terminal/units.h - formats the server's numbers for people: octets as k and M, times with their unit, counts in
// groups of three digits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::client {

// moment: seconds since 1970.
enum class Unit { number, octets, microseconds, seconds, percent, moment };
// The unit of a metric, by its name: "...bytes" and "memory" are octets, "...-time-..." and "...-lag-..."
// microseconds (but their "-count"s are not).
[[nodiscard]] Unit unit_of(std::string_view metric);

// "1.5k", "250us", "2.0s", "3h": at most six characters, except for a moment.
[[nodiscard]] std::string measured(double value, Unit unit);
// The same, with every digit of a count: "12,345". Text that is not a number is left as it is.
[[nodiscard]] std::string readable(std::string_view text, Unit unit);

// "2026-11-23 15:14:34 UTC".
[[nodiscard]] std::string moment_text(std::int64_t since_1970);
// "15:14:34 UTC".
[[nodiscard]] std::string clock_text(std::int64_t since_1970);

} // namespace buzon::client
