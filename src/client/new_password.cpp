#include "new_password.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "buzon/posix/io.h"
#include "buzon/terminal/terminal.h"
#include "modes.h"

namespace buzon::client {
namespace {

constexpr std::size_t longest_password = 1024;

std::optional<std::string> first_line(int input) {
    std::string text;
    std::array<char, 256> piece;
    while (text.find('\n') == std::string::npos && text.size() <= longest_password) {
        const posix::Transfer got = posix::read_some(input, piece);
        if (got.what != posix::Moved::some) break;
        text.append(piece.data(), got.bytes);
    }
    text.resize(std::min(text.find('\n'), text.size()));
    if (!text.empty() && text.back() == '\r') text.pop_back();
    return text;
}

std::optional<std::string> typed_twice() {
    auto once = read_secret(STDIN_FILENO, STDERR_FILENO, "Password: ");
    if (!once) return std::nullopt;
    const auto twice = read_secret(STDIN_FILENO, STDERR_FILENO, "Again: ");
    if (!twice) return std::nullopt;
    if (*once == *twice) return once;
    complain("the two passwords differ");
    return std::nullopt;
}

} // namespace

std::optional<std::string> new_password() {
    return ::isatty(STDIN_FILENO) ? typed_twice() : first_line(STDIN_FILENO);
}

} // namespace buzon::client
