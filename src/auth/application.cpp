#include "buzon/auth/application.h"

#include <algorithm>

#include "allow_nets.h"
#include "buzon/auth/secret.h"
#include "buzon/line/number.h"

namespace buzon::auth {
namespace {

constexpr std::size_t longest_label = 32;
constexpr std::string_view broken = ";broken="; // no limit has this name

bool is_label(std::string_view text) noexcept {
    const auto usual = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    return !text.empty() && text.size() <= longest_label && std::all_of(text.begin(), text.end(), usual);
}

std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = line::parse_whole<unsigned>(text.substr(0, 4));
    const auto month = line::parse_whole<unsigned>(text.substr(5, 2));
    const auto day = line::parse_whole<unsigned>(text.substr(8));
    if (!year || !month || !day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month},
                                           std::chrono::day{*day}};
    return date.ok() ? std::optional{std::chrono::sys_days{date}} : std::nullopt;
}

// What is wrong with the limit; empty if it is valid.
std::string_view take_limit(std::string_view limit, Application& into) {
    const std::size_t sign = limit.find('=');
    const std::string_view name = limit.substr(0, sign);
    const std::string_view value = sign == limit.npos ? std::string_view{} : limit.substr(sign + 1);
    if (name == "expires") {
        into.expires = parse_day(value);
        return into.expires ? std::string_view{} : "expires= needs a date: YYYY-MM-DD";
    }
    if (name == "nets") {
        into.nets = value;
        return AllowNets::parse(value) ? std::string_view{} : "nets= contains an invalid network";
    }
    if (name != "rights") return "unknown limit: use expires=, nets= or rights=";
    if (value == "read")
        into.rights = Rights::read;
    else if (value == "keep")
        into.rights = Rights::keep;
    else if (value != "all")
        return "rights= must be read, keep or all";
    return {};
}

} // namespace

Parsed<Application> parse_application(std::string_view text) {
    Application made;
    const std::size_t end = std::min(text.find(';'), text.size());
    made.label = text.substr(0, end);
    made.limits = text.substr(end);
    if (!is_label(made.label)) return Wrong{"a label must be 1 to 32 letters, digits, '-', '_' or '.'"};
    for (std::string_view rest = text.substr(end); !rest.empty();) {
        rest.remove_prefix(1);
        const std::size_t next = std::min(rest.find(';'), rest.size());
        if (const auto fault = take_limit(rest.substr(0, next), made); !fault.empty()) return Wrong{std::string{fault}};
        rest.remove_prefix(next);
    }
    return made;
}

ApplicationSecret read_application_secret(std::string_view value) {
    const std::size_t colon = value.find(':');
    ApplicationSecret found;
    const std::string_view label = colon == value.npos ? std::string_view{} : value.substr(0, colon);
    found.application.label = is_label(label) ? label : "?";
    if (!is_label(label)) {
        found.application.fault = "its label must be 1 to 32 letters, digits, '-', '_' or '.'";
        return found;
    }
    const std::string_view rest = value.substr(colon + 1);
    const std::size_t end = std::min(rest.find(';'), rest.size());
    auto parsed = parse_application(std::string{label}.append(rest.substr(end)));
    const auto secret = Secret::parse(rest.substr(0, end));
    found.application.fault = !parsed ? parsed.why() : secret.why();
    if (found.application.fault.empty() && secret.value().is_locked())
        found.application.fault = "its secret is missing";
    if (!found.application.fault.empty()) return found;
    found.application = std::move(parsed).value();
    found.secret = rest.substr(0, end);
    return found;
}

bool allows(const Application& application, const std::optional<Source>& source) {
    if (application.nets.empty()) return true;
    const auto nets = AllowNets::parse(application.nets);
    return nets && nets.value().contains(source);
}

std::string to_text(const std::vector<Application>& applications) {
    std::string text;
    for (const Application& one : applications) {
        if (!text.empty()) text += '\0';
        text.append(one.label).append(one.limits);
        if (!one.fault.empty()) text.append(broken).append(one.fault);
    }
    return text;
}

std::vector<Application> applications_in(std::string_view text) {
    std::vector<Application> all;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find('\0'));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        const std::size_t fault = one.find(broken);
        auto parsed = parse_application(one.substr(0, fault));
        Application made;
        if (parsed)
            made = std::move(parsed).value();
        else
            made.fault = "it is damaged";
        if (fault != one.npos) {
            made.label = one.substr(0, one.find(';'));
            made.fault = one.substr(fault + broken.size());
        }
        all.push_back(std::move(made));
    }
    return all;
}

bool any_valid(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find('\0'));
        if (one.find(broken) == one.npos) return true;
        text.remove_prefix(std::min(one.size() + 1, text.size()));
    }
    return false;
}

} // namespace buzon::auth
