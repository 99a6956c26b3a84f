#include <algorithm>
#include <set>

#include "buzon/auth/passwd_file.h"

namespace buzon::auth {
namespace {

// Takes one line with its line end off the front of `text`.
std::string_view take_line(std::string_view& text) noexcept {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == text.npos ? text.size() : end + 1);
    text.remove_prefix(line.size());
    return line;
}

std::string_view line_end_of(std::string_view line) noexcept {
    return line.ends_with("\r\n") ? "\r\n" : "\n";
}

// Replaces the secret of a line: from its first ':' to the second, or to the line's end.
void append_with_secret(std::string& out, std::string_view line, std::size_t name_end, std::string_view secret) {
    std::size_t secret_end = line.find(':', name_end + 1);
    if (secret_end == line.npos) secret_end = line.find_last_not_of("\r\n") + 1;
    out += line.substr(0, name_end + 1);
    out += secret;
    out += line.substr(std::max(secret_end, name_end + 1));
}

} // namespace

std::string rewrite_passwd_file(std::string_view text, const UserChanges& changes) {
    std::string out;
    out.reserve(text.size());
    std::set<std::string_view> seen;
    std::string_view line_end = "\n";
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        line_end = line_end_of(line);
        const std::size_t name_end = line.starts_with('#') ? line.npos : line.find(':');
        const auto change = name_end == line.npos ? changes.end() : changes.find(line.substr(0, name_end));
        if (change == changes.end()) {
            out += line;
            continue;
        }
        seen.insert(change->first);
        if (change->second) append_with_secret(out, line, name_end, *change->second);
    }
    for (const auto& [name, secret] : changes) {
        if (!secret || seen.contains(name)) continue;
        if (!out.empty() && !out.ends_with('\n')) out += line_end;
        out += name;
        out += ':';
        out += *secret;
        out += line_end;
    }
    return out;
}

} // namespace buzon::auth
