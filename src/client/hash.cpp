#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "buzon/auth/make_secret.h"
#include "buzon/posix/io.h"
#include "modes.h"
#include "terminal.h"

namespace buzon::client {
namespace {

constexpr std::string_view usual_scheme = "SCRAM-SHA-256";
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

// Typed twice, since typing errors are invisible. Nothing if the user cancelled or the two differ.
std::optional<std::string> typed_twice() {
    auto once = read_secret(STDIN_FILENO, STDERR_FILENO, "Password: ");
    if (!once) return std::nullopt;
    const auto twice = read_secret(STDIN_FILENO, STDERR_FILENO, "Again: ");
    if (!twice) return std::nullopt;
    if (*once == *twice) return once;
    complain("the two passwords differ");
    return std::nullopt;
}

std::optional<std::string> new_password() {
    if (const char* given = std::getenv("BUZON_PASSWORD")) return given;
    return ::isatty(STDIN_FILENO) ? typed_twice() : first_line(STDIN_FILENO);
}

} // namespace

int run_hash(const Invocation& invocation) {
    const auto password = new_password();
    if (!password) return exit_usage;
    const std::string scheme = invocation.operands.empty() ? std::string{usual_scheme} : invocation.operands.front();
    const auto secret = auth::make_secret(scheme, *password);
    if (!secret) {
        complain(secret.why());
        return exit_usage;
    }
    Output out{STDOUT_FILENO};
    if (out.put(secret.value() + '\n')) return exit_ok;
    complain("cannot write: " + out.error().message());
    return exit_output;
}

} // namespace buzon::client
