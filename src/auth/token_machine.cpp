#include <algorithm>

#include "buzon/auth/sasl.h"
#include "buzon/line/command_line.h"
#include "login_text.h"
#include "sasl_name.h"

namespace buzon::auth {
namespace {

constexpr char separator = '\x01';

// The syntax of RFC 6750 section 2.1.
bool is_token(std::string_view text) noexcept {
    const auto usual = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view{"-._~+/="}.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), usual);
}

// `key=value` pairs, each followed by the separator, with one more separator at the end.
struct Pairs {
    std::string_view user; // for XOAUTH2
    std::string_view auth;
    bool well_formed = false;
};
Pairs read_pairs(std::string_view text) {
    Pairs pairs;
    while (!text.empty()) {
        const std::size_t end = text.find(separator);
        if (end == text.npos) return {};
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (pair.empty()) {
            pairs.well_formed = text.empty();
            return pairs;
        }
        const std::size_t sign = pair.find('=');
        if (sign == pair.npos) return {};
        if (pair.substr(0, sign) == "auth") pairs.auth = pair.substr(sign + 1);
        if (pair.substr(0, sign) == "user") pairs.user = pair.substr(sign + 1);
    }
    return {};
}

// Takes the header `n,a=NAME,` off `message` and returns the user; nothing if there is no such header.
std::optional<std::string> take_user(std::string_view& message) {
    const std::size_t first = message.find(',');
    const std::size_t second = first == message.npos ? first : message.find(',', first + 1);
    if (second == message.npos) return std::nullopt;
    const std::string_view flag = message.substr(0, first);
    const std::string_view name = message.substr(first + 1, second - first - 1);
    message.remove_prefix(second + 1);
    if ((flag != "n" && flag != "y") || !name.starts_with("a=")) return std::nullopt;
    return decode_name(name.substr(2));
}

void append_json(std::string& json, std::string_view name, std::string_view value) {
    json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":\"");
    std::copy_if(value.begin(), value.end(), std::back_inserter(json),
                 [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
    json += '"';
}

} // namespace

Step TokenMachine::begin(const std::optional<std::string_view>& initial) {
    return initial ? next(*initial) : Step{Challenge{}};
}

Step TokenMachine::next(std::string_view message) {
    if (asked_) return Dismissed{}; // whatever it says: OAUTHBEARER clients send 0x01, XOAUTH2 clients nothing
    asked_ = true;
    std::optional<std::string> user;
    if (!google_) {
        user = take_user(message);
        // Without a name the throttle cannot tell one user from another.
        if (!user) return Malformed{"OAUTHBEARER needs a user"};
        if (!message.starts_with(separator)) return Malformed{"OAUTHBEARER needs a token"};
        message.remove_prefix(1);
    }
    const Pairs pairs = read_pairs(message);
    if (google_ && is_login_text(pairs.user)) user = prepared_user(pairs.user);
    constexpr std::string_view bearer = "Bearer ";
    const bool good = pairs.well_formed && line::equals_ignoring_case(pairs.auth.substr(0, bearer.size()), bearer) &&
                      is_token(pairs.auth.substr(bearer.size()));
    if (!user || !good) return Malformed{"a bearer token is needed"};
    return CheckToken{std::move(*user), pairs.auth.substr(bearer.size())};
}

std::string token_error(std::string_view status, std::string_view scope) {
    std::string json;
    append_json(json, "status", status);
    append_json(json, "schemes", "bearer");
    if (!scope.empty()) append_json(json, "scope", scope);
    return json + '}';
}

} // namespace buzon::auth
