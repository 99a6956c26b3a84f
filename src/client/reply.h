// client/reply.h - one reply of the management protocol, assembled line by line. Has no descriptor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::client {

// Shape of a +OK reply: one line; lines up to "."; live lines until we send one; unknown.
enum class Shape { line, list, live, unknown };

struct Reply {
    bool ok = false;
    std::string status;             // the first line, without its line end
    std::string text;               // the text after "+OK " or "-ERR "
    bool has_lines = false;         // there was a list, which may be empty
    std::vector<std::string> lines; // without dot-stuffing and line ends
};

// Undoes the dot-stuffing of one line (RFC 1939 section 3).
[[nodiscard]] std::string_view unstuffed(std::string_view wire_line) noexcept;

// Reads one reply from lines without their ends. For Shape::unknown the caller has sent a NOOP after the command: if
// the second line begins with "+OK", it is the NOOP's reply, and the first reply was one line; anything else begins a
// list, which the NOOP's reply follows.
class ReplyReader {
public:
    enum class Progress { more, done, not_the_protocol, too_much };

    explicit ReplyReader(Shape shape) noexcept : shape_{shape} {}

    Progress take(std::string_view wire_line);
    [[nodiscard]] const Reply& reply() const noexcept { return reply_; }
    [[nodiscard]] Reply release() noexcept { return std::move(reply_); }
    // The connection may end here: only the reply to the NOOP is missing.
    [[nodiscard]] bool may_end_here() const noexcept { return stage_ == Stage::fence || stage_ == Stage::guess; }

private:
    enum class Stage { status, guess, list, fence };

    Progress take_status(std::string_view line);
    Progress take_listed(std::string_view line);

    Shape shape_;
    Stage stage_ = Stage::status;
    Reply reply_;
    std::size_t octets_ = 0;
};

} // namespace buzon::client
