#include "talk.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "buzon/filter/answer_parser.h"
#include "buzon/line/escapes.h"
#include "buzon/line/number.h"
#include "buzon/posix/io.h"

namespace buzon::programs {
namespace {

constexpr std::size_t read_size = 64 * 1024;

std::string_view take_word(std::string_view& text) noexcept {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

[[noreturn]] void broken() {
    ::_exit(EXIT_FAILURE);
}

} // namespace

std::string plain_value(std::string_view word) {
    return word == "-" ? std::string{} : line::without_escapes(word);
}

bool Talk::read_more() {
    if (taken_ == input_.size()) {
        input_.clear();
        taken_ = 0;
    }
    const std::size_t before = input_.size();
    input_.resize(before + read_size);
    ssize_t n = 0;
    do n = ::read(STDIN_FILENO, input_.data() + before, read_size);
    while (n < 0 && errno == EINTR);
    input_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return n > 0;
}

std::optional<std::string> Talk::line() {
    std::size_t end = 0;
    while ((end = input_.find('\n', taken_)) == std::string::npos)
        if (!read_more()) return std::nullopt;
    std::string line = input_.substr(taken_, end - taken_);
    taken_ = end + 1;
    return line;
}

void Talk::shake_hands() {
    const std::optional<std::string> hello = line();
    if (!hello) ::_exit(EXIT_SUCCESS);
    if (*hello + '\n' != filter::protocol_hello) broken();
    say(results_ == Results::stable ? "buzon-filter 1 stable\n" : filter::protocol_hello);
    known_ = true;
}

std::optional<Letter> Talk::next() {
    if (!known_) shake_hands();
    const std::optional<std::string> head = line();
    if (!head) return std::nullopt;
    std::string_view words = *head;
    if (take_word(words) != "message") broken();
    const auto octets = line::parse_whole<std::size_t>(take_word(words));
    if (!octets) broken();
    Letter letter;
    while (!words.empty()) {
        const std::string_view word = take_word(words);
        if (word.starts_with("user=")) letter.user = plain_value(word.substr(5));
        if (word.starts_with("uidl=")) letter.uidl = plain_value(word.substr(5));
        if (word.starts_with("ip=")) letter.ip = plain_value(word.substr(3));
    }
    while (input_.size() - taken_ < *octets)
        if (!read_more()) broken();
    letter.octets = input_.substr(taken_, *octets);
    taken_ += *octets;
    return letter;
}

void Talk::message(std::string_view octets) {
    say("message " + std::to_string(octets.size()) + '\n');
    say(octets);
}

void Talk::fail(std::string_view reason) {
    std::string line{reason.substr(0, 1000)};
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\0'; }, ' ');
    say("fail " + line + '\n');
}

void Talk::say(std::string_view octets) {
    if (posix::write_all(STDOUT_FILENO, octets)) broken();
}

} // namespace buzon::programs
