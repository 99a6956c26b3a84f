// talk/reply.h - one reply of the management protocol, assembled line by line. Has no descriptor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::client {

struct Reply {
    bool ok = false;
    std::string status;             // the first line, without its line end
    std::string text;               // the text after "+OK " or "-ERR "
    bool has_lines = false;         // a list followed, which may be empty
    std::vector<std::string> lines; // without dot-stuffing and line ends
};

// Undoes the dot-stuffing of one line (RFC 1939 section 3).
[[nodiscard]] std::string_view unstuffed(std::string_view wire_line) noexcept;

// Reads one reply from lines without their ends. A bare +OK announces lines up to "."; anything else is one line.
class ReplyReader {
public:
    enum class Progress { more, done, not_the_protocol, too_much };

    // `live`: done after the status line, since the lines of a live view do not end by themselves.
    explicit ReplyReader(bool live = false) noexcept : live_{live} {}

    Progress take(std::string_view wire_line);
    [[nodiscard]] const Reply& reply() const noexcept { return reply_; }
    [[nodiscard]] Reply release() noexcept { return std::move(reply_); }

private:
    Progress take_status(std::string_view line);

    bool live_;
    bool listing_ = false;
    Reply reply_;
    std::size_t octets_ = 0;
};

} // namespace buzon::client
