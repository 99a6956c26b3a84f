#include "buzon/tls/order.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "buzon/line/command_line.h"

namespace buzon::tls {
namespace {

// Set by us, or dangerous: they would open another way in, or run something.
constexpr std::array<std::string_view, 22> own_options = {
    "accept", "connect",    "protocol",    "cert",  "key",    "client",     "exec",   "execargs",
    "pid",    "foreground", "output",      "debug", "syslog", "setuid",     "setgid", "chroot",
    "local",  "include",    "TIMEOUTbusy", "ident", "pty",    "transparent"};

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

} // namespace

std::string encode(const Order& order) {
    std::string text;
    const auto add = [&text](const std::string& word) { text.append(word).push_back('\0'); };
    for (const std::string* word : {&order.program, &order.certificate, &order.key}) add(*word);
    for (const std::string& option : order.options) add(option);
    return text;
}

std::optional<Order> decode(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t end = text.find('\0');
        if (end == std::string_view::npos) return std::nullopt;
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    if (words.size() < 3) return std::nullopt;
    return Order{words[0], words[1], words[2], {words.begin() + 3, words.end()}};
}

Way way_of(const Use& use) noexcept {
    Way way{use.busy_seconds, {}};
    if (use.back.size() < way.back.size()) std::copy(use.back.begin(), use.back.end(), way.back.begin());
    return way;
}

bool is_sound(const Way& way) noexcept {
    const auto* const end = std::find(way.back.begin(), way.back.end(), '\0');
    return end != way.back.end() && way.back.front() == '/' &&
           std::none_of(way.back.begin(), end, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

std::string configuration(const Order& order, const Way& way, const std::string& certificate, const std::string& key) {
    // `notice` for the program itself, because only then does it report that it is ready. For connections only what is
    // wrong: three lines per session would cost more than the session.
    std::string text = "foreground = yes\npid =\nsyslog = no\ndebug = notice\n"
                       "[buzon]\ndebug = warning\n"
                       "accept = 127.0.0.1:0\nprotocol = proxy\nsslVersionMin = TLSv1.2\n"
                       "options = NO_RENEGOTIATION\nTIMEOUTclose = 1\nTIMEOUTidle = 1000000\n";
    text += "TIMEOUTbusy = " + std::to_string(way.busy_seconds) + '\n';
    text.append("connect = ").append(way.back.data()).append("\n");
    text += "cert = " + certificate + "\nkey = " + key + '\n';
    for (const std::string& option : order.options) text += option + '\n';
    return text;
}

std::string fault_of_option(std::string_view written) {
    const std::size_t equals = written.find('=');
    const std::string_view name = trim(written.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) return "must be NAME = VALUE, as in stunnel(8)";
    const bool word =
        std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
    if (!word || written.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
        return "must be NAME = VALUE, as in stunnel(8)";
    for (const std::string_view own : own_options)
        if (line::equals_ignoring_case(own, name)) return std::string{own} + " is set by the server itself";
    return {};
}

LogLine parse_log_line(std::string_view line) noexcept {
    // This is not about the certificate that we serve.
    if (line.ends_with("No trusted certificates found")) return {};
    // It tries to lower the priority of its threads, which a service manager's system call filter refuses.
    if (line.find("pthread_getschedparam: ") != std::string_view::npos) return {};
    // "2026.11.30 05:04:29 LOG3[1]: SSL_accept: ..."; before it has read its configuration, "[!] ..." or "[ ] ...".
    const std::size_t at = line.find("LOG");
    const std::size_t colon = at == std::string_view::npos ? at : line.find("]: ", at);
    if (colon == std::string_view::npos || at + 4 > line.size())
        return {line.starts_with("[!]"), line.starts_with('[') && line.size() > 4 ? line.substr(4) : line};
    return {line[at + 3] <= '3', line.substr(colon + 3)};
}

} // namespace buzon::tls
