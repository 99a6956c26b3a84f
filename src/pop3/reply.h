// pop3/reply.h - writes replies: status, response code, text. Independent of the commands.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace buzon::pop3 {

// RFC 2449 section 8, RFC 3206.
enum class Code : std::uint8_t { none, auth, in_use, login_delay, sys_temp, sys_perm, utf8 };

using Numbers = std::initializer_list<std::uint64_t>;

// "+OK text", with each "{}" in the text replaced by the next number.
void ok(std::string& out, std::string_view text, Numbers numbers = {});
// "-ERR [CODE] text"
void err(std::string& out, Code code, std::string_view text, Numbers numbers = {});

template <std::unsigned_integral Number>
void append_number(std::string& out, Number number) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, end);
}

// "1 120": a line of LIST or STAT.
void append_pair(std::string& out, std::uint64_t first, std::uint64_t second);
// "1 whqtswO00WBw418f9t5JxYwZ": a line of UIDL.
void append_pair(std::string& out, std::uint64_t first, std::string_view second);

inline constexpr std::size_t longest_uidl = 255; // ours have at most 70 octets; other servers' may be longer

// The same for listings of up to a million lines: buffers them and appends many at a time.
class PairLines {
public:
    explicit PairLines(std::string& out) noexcept : out_{out}, before_{out.size()} {}
    PairLines(const PairLines&) = delete;
    PairLines& operator=(const PairLines&) = delete;

    void add(std::uint64_t first, std::uint64_t second) {
        char* const at = std::to_chars(room(), end(), first).ptr;
        *at = ' ';
        end_line(std::to_chars(at + 1, end(), second).ptr);
    }
    // Two numbers of 20 digits, or one and a UIDL, with a space and CRLF.
    static constexpr std::size_t longest = 20 + 1 + longest_uidl + 2;

    void add(std::uint64_t first, std::string_view second) {
        char* const at = std::to_chars(room(), end(), first).ptr;
        *at = ' ';
        end_line(at + 1 + second.copy(at + 1, longest_uidl));
    }
    // How much `out` has grown, including what is still buffered.
    [[nodiscard]] std::size_t size() const noexcept { return out_.size() - before_ + used_; }
    void finish() {
        out_.append(text_, used_);
        used_ = 0;
    }

private:
    [[nodiscard]] char* room() {
        if (used_ > sizeof text_ - longest) finish();
        return text_ + used_;
    }
    [[nodiscard]] char* end() noexcept { return text_ + sizeof text_; }
    void end_line(char* at) noexcept {
        at[0] = '\r';
        at[1] = '\n';
        used_ = static_cast<std::size_t>(at + 2 - text_);
    }

    std::string& out_;
    std::size_t before_;
    std::size_t used_ = 0;
    char text_[4096];
};

} // namespace buzon::pop3
