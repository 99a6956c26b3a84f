#include "stderr_lines.h"

#include <utility>

namespace buzon::filter {

void StderrLines::feed(std::string_view octets, std::vector<std::string>& lines) {
    for (const char c : octets) {
        if (c == '\n' || c == '\r') {
            end_line(lines);
        } else if (line_.size() == longest_) {
            cut_ = true;
        } else {
            const auto octet = static_cast<unsigned char>(c);
            line_ += c == '\t' ? ' ' : octet < 0x20 || octet == 0x7f ? '?' : c;
        }
    }
}

void StderrLines::end_line(std::vector<std::string>& lines) {
    std::string line = std::exchange(line_, {});
    const bool cut = std::exchange(cut_, false);
    if (line.empty() && !cut) return;
    if (lines_left_ == 0) {
        ++dropped_;
        return;
    }
    --lines_left_;
    if (cut) line += "...";
    lines.push_back(std::move(line));
}

void StderrLines::finish(std::vector<std::string>& lines) {
    end_line(lines);
    if (const std::uint64_t dropped = std::exchange(dropped_, 0); dropped != 0) {
        lines.push_back("(" + std::to_string(dropped) + " more lines not shown)");
    }
}

} // namespace buzon::filter
