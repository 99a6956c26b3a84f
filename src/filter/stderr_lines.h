// filter/stderr_lines.h - splits stderr into a bounded number of bounded lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::filter {

class StderrLines {
public:
    StderrLines(std::size_t lines, std::size_t octets_a_line) noexcept : lines_left_{lines}, longest_{octets_a_line} {}

    // Appends the completed lines. Octets below 0x20 and 0x7F become '?', tabs a space; empty lines and
    // everything beyond the limits are dropped.
    void feed(std::string_view octets, std::vector<std::string>& lines);
    // The last, unfinished line, and how much was dropped.
    void finish(std::vector<std::string>& lines);

private:
    void end_line(std::vector<std::string>& lines);

    std::size_t lines_left_;
    std::size_t longest_;
    std::string line_;
    bool cut_ = false;
    std::uint64_t dropped_ = 0;
};

} // namespace buzon::filter
