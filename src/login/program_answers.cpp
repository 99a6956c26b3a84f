#include "buzon/login/program_answers.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <optional>

#include "buzon/digest/base64.h"
#include "buzon/line/number.h"

namespace buzon::login {
namespace {

constexpr std::string_view no_home = "its home is not an absolute path without \"..\"";

std::string_view take_word(std::string_view& rest) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

bool is_home(std::string_view path) {
    constexpr std::size_t longest = PATH_MAX - 300; // leaves room for the paths below it
    if (!path.starts_with('/') || path.size() > longest || path.find('\0') != path.npos) return false;
    return (std::string{path} + '/').find("/../") == std::string::npos;
}

posix::WipedString in_base64(std::initializer_list<std::string_view> parts) {
    posix::WipedString line;
    std::size_t size = 0;
    for (const std::string_view part : parts) size += 2 * part.size() + 8;
    line.reserve(size); // growing would leave pieces in memory
    for (const std::string_view part : parts) {
        if (!line.empty()) line += '\t';
        const posix::WipedString text{digest::encode_base64(part)};
        line += text;
    }
    return line;
}

// Root as the user means that the program has not said which ids to use.
posix::Ids without_root(posix::Ids ids) noexcept {
    if (ids.uid == 0 || ids.uid == posix::Ids::unsaid) return {};
    if (ids.gid == 0) ids.gid = posix::Ids::unsaid;
    return ids;
}

// std::nullopt if the line is not an answer.
std::optional<PasswordAnswer> parse_password_answer(std::string_view line) {
    const std::string_view verb = take_word(line);
    if (verb == "no" && line.empty()) return PasswordAnswer{Verdict::wrong, {}, {}, {}};
    if (verb == "fail") return PasswordAnswer{Verdict::unknown, std::string{line}, {}, {}};
    if (verb != "ok") return std::nullopt;
    PasswordAnswer answer{Verdict::right, {}, {}, {}};
    while (!line.empty()) {
        const std::string_view word = take_word(line);
        const std::string_view value = word.substr(std::min(word.find('=') + 1, word.size()));
        const auto id = line::parse_whole<std::uint32_t>(value);
        if (word.starts_with("home=") && is_home(value))
            answer.home = value;
        else if (id && word.starts_with("uid="))
            answer.ids.uid = *id;
        else if (id && word.starts_with("gid="))
            answer.ids.gid = *id;
        else
            return std::nullopt;
    }
    answer.ids = without_root(answer.ids);
    return answer;
}

std::optional<TokenAnswer> parse_token_answer(std::string_view line) {
    const std::string_view verb = take_word(line);
    TokenAnswer answer;
    if (verb == "ok" && !line.empty()) {
        answer.name = line;
        return answer;
    }
    if (verb != "no") return std::nullopt;
    answer.status = take_word(line);
    answer.scope = line; // may be several, separated by blanks (RFC 6749 section 3.3)
    return answer.status.empty() ? std::nullopt : std::optional{answer};
}

} // namespace

posix::WipedString password_question(std::string_view user, std::string_view password, std::string_view ip) {
    return in_base64({user, password, ip});
}

bool is_password_answer(std::string_view line) {
    return parse_password_answer(line).has_value();
}

PasswordAnswer read_password_answer(std::string_view line) {
    return parse_password_answer(line).value_or(PasswordAnswer{{}, "no answer", {}, {}});
}

PasswordAnswer read_environment(std::string_view output) {
    constexpr std::string_view key = "HOME=";
    PasswordAnswer answer{Verdict::right, {}, {}, {}};
    const std::size_t end = output.find('\0'); // of the program's own output
    output.remove_prefix(end == output.npos ? output.size() : end + 1);
    const auto take_id = [&output](std::string_view name) {
        const std::string_view one = output.substr(0, output.find('\0'));
        if (!one.starts_with(name)) return posix::Ids::unsaid;
        output.remove_prefix(std::min(one.size() + 1, output.size()));
        return line::parse_whole<std::uint32_t>(one.substr(name.size())).value_or(posix::Ids::unsaid);
    };
    answer.ids.uid = take_id("Uid:");
    answer.ids.gid = take_id("Gid:");
    answer.ids = without_root(answer.ids);
    while (!output.empty()) {
        const std::string_view one = output.substr(0, output.find('\0'));
        output.remove_prefix(std::min(one.size() + 1, output.size()));
        if (!one.starts_with(key)) continue;
        if (!answer.home.empty() || !is_home(one.substr(key.size())))
            return {Verdict::unknown, std::string{no_home}, {}, {}};
        answer.home = one.substr(key.size());
    }
    return answer;
}

posix::WipedString token_question(std::string_view user, std::string_view token) {
    return in_base64({user, token});
}

bool is_token_answer(std::string_view line) {
    return parse_token_answer(line).has_value();
}

TokenAnswer read_token_answer(std::string_view line) {
    return parse_token_answer(line).value_or(TokenAnswer{});
}

} // namespace buzon::login
