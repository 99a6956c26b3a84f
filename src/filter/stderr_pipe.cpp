#include "stderr_pipe.h"

#include <fcntl.h>

#include <array>

#include "buzon/posix/io.h"

namespace buzon::filter {

std::error_code StderrPipe::open(event::EventLoop& loop, posix::UniqueFd pipe, const Limits& limits) {
    // Sets our end only: the programs' end stays blocking, as they expect.
    if (::fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
    pipe_ = std::move(pipe);
    max_lines_ = limits.stderr_lines;
    max_octets_ = limits.stderr_line_octets;
    line_.clear();
    cut_ = false;
    shown_ = dropped_ = 0;
    return watch_.start(loop, pipe_.get(), EPOLLIN, *this);
}

void StderrPipe::close() noexcept {
    watch_.stop();
    pipe_.reset();
}

std::vector<std::string> StderrPipe::read() {
    std::vector<std::string> lines;
    std::array<char, 4096> piece;
    for (int pieces = 0; pipe_ && pieces < 16; ++pieces) {
        const posix::Transfer moved = posix::read_some(pipe_.get(), piece);
        if (moved.what == posix::Moved::would_block) break;
        if (moved.what == posix::Moved::some)
            feed({piece.data(), moved.bytes}, lines);
        else
            close(); // all programs have closed it
    }
    return lines;
}

std::vector<std::string> StderrPipe::read_last() {
    std::vector<std::string> lines = read();
    end_line(lines);
    if (const std::size_t dropped = std::exchange(dropped_, 0); dropped != 0)
        lines.push_back("(" + std::to_string(dropped) + " more lines not shown)");
    shown_ = 0;
    return lines;
}

void StderrPipe::feed(std::string_view octets, std::vector<std::string>& lines) {
    for (const char c : octets) {
        if (c == '\n' || c == '\r') {
            end_line(lines);
        } else if (line_.size() == max_octets_) {
            cut_ = true;
        } else {
            const auto octet = static_cast<unsigned char>(c);
            line_ += c == '\t' ? ' ' : octet < 0x20 || octet == 0x7f ? '?' : c;
        }
    }
}

void StderrPipe::end_line(std::vector<std::string>& lines) {
    std::string line = std::exchange(line_, {});
    const bool cut = std::exchange(cut_, false);
    if (line.empty() && !cut) return;
    if (shown_ == max_lines_) {
        ++dropped_;
        return;
    }
    ++shown_;
    if (cut) line += "...";
    lines.push_back(std::move(line));
}

} // namespace buzon::filter
