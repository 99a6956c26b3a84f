#include <algorithm>
#include <set>

#include "buzon/auth/passwd_file.h"
#include "extra_field.h"

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

// Seven ':' come before the extra fields.
constexpr std::size_t fields_before_extra = 7;

// The extra fields without the application passwords that have these labels; nothing if the fields are malformed.
std::optional<std::string> without_applications(std::string_view extra, const std::set<std::string_view>& labels) {
    std::string kept;
    while (const auto field = take_extra_field(extra)) {
        const bool gone =
            field->key == "buzon_secret" && labels.contains(field->value.substr(0, field->value.find(':')));
        if (!gone) kept += field->text;
    }
    if (!extra.empty()) return std::nullopt;
    return kept;
}

void change_applications(std::string& line, const UserChange& change) {
    if (change.removed.empty() && change.applications.empty()) return;
    std::set<std::string_view> labels{change.removed.begin(), change.removed.end()};
    for (const std::string& one : change.applications) labels.insert(std::string_view{one}.substr(0, one.find(':')));
    std::size_t extra = 0;
    for (std::size_t field = 0; field < fields_before_extra; ++field) {
        const std::size_t colon = line.find(':', extra);
        if (colon == line.npos) line += ':';
        extra = colon == line.npos ? line.size() : colon + 1;
    }
    std::string rest = line.substr(extra);
    if (rest.starts_with(':')) { // an old format: only a mail location
        if (rest.find_first_of(" \t") != rest.npos) return;
        rest = "userdb_mail=" + rest.substr(1);
    }
    const auto kept = without_applications(rest, labels);
    if (!kept) return;
    line.replace(extra, line.npos, *kept);
    for (const std::string& one : change.applications)
        line.append(line.size() == extra ? "buzon_secret=" : " buzon_secret=").append(one);
}

// The changed line. `line`: without its line end; the name ends at `name_end`.
std::string changed_line(std::string_view line, std::size_t name_end, const UserChange& change) {
    std::string made{line};
    if (change.secret) {
        const std::size_t end = change.new_user ? line.size() : std::min(line.find(':', name_end + 1), line.size());
        made.replace(name_end + 1, end - name_end - 1, *change.secret);
    }
    change_applications(made, change);
    return made;
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
        if (!change->second) continue;
        const std::size_t end = line.find_last_not_of("\r\n") + 1;
        out.append(changed_line(line.substr(0, end), name_end, *change->second)).append(line.substr(end));
    }
    for (const auto& [name, change] : changes) {
        if (!change || !change->secret || seen.contains(name)) continue;
        if (!out.empty() && !out.ends_with('\n')) out += line_end;
        out.append(changed_line(name + ':', name.size(), *change)).append(line_end);
    }
    return out;
}

} // namespace buzon::auth
