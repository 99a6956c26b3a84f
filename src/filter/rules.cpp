#include "buzon/filter/rules.h"

namespace buzon::filter {
namespace {

// The letter before each word. Each word ends with a NUL.
enum Letter : char { spec = 's', folder = 'f', any = '*', login = 'l', jail = 'j', hidden = 'h', readable = 'r' };

std::optional<JailKind> jail_kind(std::string_view text) {
    for (const JailKind kind : {JailKind::off, JailKind::standard, JailKind::strict})
        if (text == std::to_string(static_cast<std::uint32_t>(kind))) return kind;
    return std::nullopt;
}

bool take_spec(std::string_view text, std::vector<FilterSpec>& into) {
    ParsedSpec parsed = FilterSpec::parse(text);
    if (parsed.ok()) into.push_back(std::move(parsed.spec));
    return parsed.ok();
}

bool take(Rules& rules, char letter, std::string_view text) {
    switch (letter) {
    case Letter::spec: return take_spec(text, rules.specs);
    case Letter::login: return take_spec(text, rules.login_specs);
    case Letter::folder: rules.folders.emplace_back(text); return true;
    case Letter::any: return rules.any = true;
    case Letter::jail:
        if (const auto kind = jail_kind(text)) return rules.jail.emplace().kind = *kind, true;
        return false;
    case Letter::hidden:
    case Letter::readable:
        if (!rules.jail) return false;
        (letter == Letter::hidden ? rules.jail->hidden : rules.jail->readable).emplace_back(text);
        return true;
    default: return false;
    }
}

} // namespace

std::string encode(const Rules& rules) {
    std::string text;
    const auto add = [&text](char letter, std::string_view word) { (text += letter).append(word).push_back('\0'); };
    for (const FilterSpec& one : rules.specs)
        if (!one.empty()) add(Letter::spec, one.text());
    for (const FilterSpec& one : rules.login_specs)
        if (!one.empty()) add(Letter::login, one.text());
    for (const std::string& one : rules.folders) add(Letter::folder, one);
    if (rules.any) add(Letter::any, {});
    if (!rules.jail) return text;
    add(Letter::jail, std::to_string(static_cast<std::uint32_t>(rules.jail->kind)));
    for (const std::string& one : rules.jail->hidden) add(Letter::hidden, one);
    for (const std::string& one : rules.jail->readable) add(Letter::readable, one);
    return text;
}

std::optional<Rules> decode_rules(std::string_view text) {
    Rules rules;
    while (!text.empty()) {
        const std::size_t end = text.find('\0');
        if (end == text.npos || end == 0) return std::nullopt;
        if (!take(rules, text.front(), text.substr(1, end - 1))) return std::nullopt;
        text.remove_prefix(end + 1);
    }
    return rules;
}

const std::vector<std::string>& last_login_program() {
    static const std::vector<std::string> words = {
        "/bin/sh", "-c",
        "printf '\\0'; while read -r key real effective rest; do case $key in [UG]id:) "
        "printf '%s%s\\0' \"$key\" \"$effective\"; esac; done </proc/self/status; "
        "exec /usr/bin/env -0"};
    return words;
}

} // namespace buzon::filter
