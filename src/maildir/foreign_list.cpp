#include "foreign_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <unordered_map>

#include "buzon/message/file_name.h"
#include "buzon/message/uidl_format.h"
#include "directory.h"
#include "own_file.h"

namespace buzon::maildir {
namespace {

using posix::Result;

constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

std::string_view take_line(std::string_view& rest) noexcept {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

std::string_view take_word(std::string_view& rest) noexcept {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
}

std::string_view take_last_word(std::string_view& rest) noexcept {
    const std::size_t space = rest.rfind(' ');
    if (space == rest.npos) return {};
    const std::string_view word = rest.substr(space + 1);
    rest = rest.substr(0, space);
    return word;
}

std::optional<std::uint64_t> number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

struct DovecotLine {
    std::uint64_t uid = 0;
    std::uint64_t order = none; // O
    std::string_view base;
    std::optional<std::string_view> own_uidl; // P, which may be empty
    std::string_view guid;                    // G
};

// UID [KEYVALUE...] :NAME
std::optional<DovecotLine> parse_line(std::string_view line) {
    DovecotLine parsed;
    const auto uid = number(take_word(line));
    if (!uid || *uid == 0) return std::nullopt;
    parsed.uid = *uid;
    while (!line.empty() && line.front() != ':') {
        const std::string_view word = take_word(line);
        if (word.empty()) continue;
        const std::string_view value = word.substr(1);
        if (word.front() == 'P')
            parsed.own_uidl = value;
        else if (word.front() == 'G')
            parsed.guid = value;
        else if (word.front() == 'O')
            parsed.order = number(value).value_or(none);
    }
    if (line.size() < 2) return std::nullopt;
    parsed.base = message::base_name(line.substr(1));
    if (parsed.base.empty() || parsed.base.find('/') != parsed.base.npos) return std::nullopt;
    return parsed;
}

// UID NAME, as in version 1.
std::optional<DovecotLine> parse_line_v1(std::string_view line) {
    DovecotLine parsed;
    const auto uid = number(take_word(line));
    parsed.base = message::base_name(line);
    if (!uid || *uid == 0 || parsed.base.empty() || parsed.base.find('/') != parsed.base.npos) return std::nullopt;
    parsed.uid = *uid;
    return parsed;
}

std::optional<std::uint64_t> uid_validity(std::string_view header, bool v1) {
    if (v1) return number(take_word(header));
    while (!header.empty())
        if (const std::string_view word = take_word(header); !word.empty() && word.front() == 'V')
            return number(word.substr(1));
    return std::nullopt;
}

// Dovecot orders by O if present, then by UID; of two lines with the same name the later is valid.
std::vector<DovecotLine> read_lines(std::string_view rest, bool v1) {
    std::vector<DovecotLine> lines;
    std::unordered_map<std::string_view, std::size_t> by_base;
    std::uint64_t last_uid = 0;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        const std::optional<DovecotLine> parsed = v1 ? parse_line_v1(line) : parse_line(line);
        if (!parsed || parsed->uid <= last_uid) continue; // UIDs ascend; any other line is damaged
        last_uid = parsed->uid;
        const auto [known, fresh] = by_base.try_emplace(parsed->base, lines.size());
        if (fresh)
            lines.push_back(*parsed);
        else
            lines[known->second] = *parsed;
    }
    std::sort(lines.begin(), lines.end(), [](const DovecotLine& a, const DovecotLine& b) {
        return a.order != b.order ? a.order < b.order : a.uid < b.uid;
    });
    return lines;
}

constexpr const char* dovecot_name = "dovecot-uidlist";
constexpr const char* courier_name = "courierpop3dsizelist";
// The inbox may have its own directory below the control directory: the first with Dovecot's Maildir++ layout, the
// second with LAYOUT=fs.
constexpr const char* inboxes[] = {".INBOX", "INBOX"};

// Calls `look` for each directory where Dovecot may have left its list, until one call has a result.
template <class Look>
auto first_of(int maildir, const message::UidlRules& rules, Look look) -> decltype(look(maildir, std::string{})) {
    if (rules.dovecot_control.empty()) return look(maildir, std::string{});
    const Result<posix::UniqueFd> control = open_maildir(rules.dovecot_control);
    if (!control && control.error().value() == ENOENT) return {std::string{}};
    if (!control) return control.error();
    auto told = look(control.value().get(), rules.dovecot_control);
    for (const char* const inbox : inboxes) {
        if (!told || !told.value().empty()) break;
        const Result<posix::UniqueFd> below = open_folder(control.value().get(), inbox);
        if (!below && below.error().value() == ENOENT) continue;
        if (!below) return below.error();
        told = look(below.value().get(), rules.dovecot_control + '/' + inbox);
    }
    return told;
}

Result<std::string> read_dovecot_list(int maildir, const message::UidlRules& rules) {
    return first_of(maildir, rules,
                    [](int directory, const std::string&) { return read_own(directory, dovecot_name); });
}

} // namespace

bool has_dovecot_list(int maildir, const message::UidlRules& rules) {
    const Result<std::string> there =
        first_of(maildir, rules, [](int directory, const std::string&) -> Result<std::string> {
            return std::string{::faccessat(directory, dovecot_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? "yes" : ""};
        });
    return there && !there.value().empty();
}

std::string foreign_trouble(const std::string& place, int maildir, const message::UidlRules& rules) {
    const auto words = [](const std::string& path, const char* name, std::string_view fault) {
        return fault.empty() ? std::string{} : path + '/' + name + ' ' + std::string{fault};
    };
    const Result<std::string> dovecot =
        first_of(maildir, rules, [&](int directory, const std::string& path) -> Result<std::string> {
            return words(path.empty() ? place : path, dovecot_name, fault_of_own(directory, dovecot_name));
        });
    if (!dovecot) return rules.dovecot_control + ": " + dovecot.error().message();
    if (!dovecot.value().empty()) return dovecot.value();
    return words(place, courier_name, fault_of_own(maildir, courier_name));
}

ForeignList parse_dovecot_uidlist(std::string_view content, std::string_view format_text) {
    std::string trouble;
    const message::UidlFormat format = message::UidlFormat::parse(format_text, trouble);
    std::string_view rest = content;
    std::string_view header = take_line(rest);
    const std::string_view version = take_word(header);
    const std::optional<std::uint64_t> validity = uid_validity(header, version == "1");
    if (!trouble.empty() || (version != "1" && version != "3") || !validity) return {};

    ForeignList list;
    list.source = message::UidlSource::dovecot;
    for (const DovecotLine& line : read_lines(rest, version == "1")) {
        std::string uidl;
        if (line.own_uidl)
            uidl = line.own_uidl->empty() ? line.base : *line.own_uidl;
        else
            uidl = format.fill_in({line.uid, *validity, line.base, line.guid.empty() ? line.base : line.guid});
        list.entries.push_back({std::string{line.base}, std::move(uidl)});
    }
    return list;
}

std::string courier_escaped(std::string_view base) {
    std::string text;
    for (const char c : base) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x21 && octet <= 0x7E && c != '\'' && c != '"' && c != '+') {
            text += c;
            continue;
        }
        text += '+';
        text += "0123456789ABCDEF"[octet >> 4];
        text += "0123456789ABCDEF"[octet & 0xF];
    }
    return text;
}

ForeignList parse_courier_sizelist(std::string_view content) {
    std::string_view rest = content;
    unsigned version = 0;
    if (!rest.empty() && rest.front() == '/') {
        std::string_view header = take_line(rest);
        const auto told = number(take_word(header).substr(1));
        if (!told || *told < 1 || *told > 3) return {};
        version = static_cast<unsigned>(*told);
    }
    ForeignList list;
    list.source = message::UidlSource::courier;
    while (!rest.empty()) {
        std::string_view line = take_line(rest); // parsed from the right: a name may contain spaces
        std::string uidl;
        if (version != 0) {
            std::string_view ids = take_last_word(line);
            const std::string_view n = ids.substr(0, ids.find(':'));
            ids.remove_prefix(std::min(n.size() + 1, ids.size()));
            const std::string_view validity = ids.substr(0, ids.find(':'));
            if (!number(n) || (version >= 2 && !number(validity))) continue;
            uidl = "UID" + std::string{n};
            if (version >= 2) uidl.append("-").append(validity);
        }
        if (!number(take_last_word(line))) continue; // the size
        const std::string_view base = message::base_name(line);
        if (base.empty() || base.find('/') != base.npos) continue;
        list.entries.push_back({std::string{base}, version == 0 ? courier_escaped(base) : std::move(uidl)});
    }
    std::stable_sort(
        list.entries.begin(), list.entries.end(), [](const ForeignList::Entry& a, const ForeignList::Entry& b) {
            const std::uint64_t first = message::delivered(a.base).seconds, second = message::delivered(b.base).seconds;
            return first != second ? first < second : a.base < b.base;
        });
    return list;
}

Result<ForeignList> read_foreign_list(int maildir, const message::UidlRules& rules) {
    const auto wanted = [&](message::UidlSource source) {
        return rules.source == message::UidlSource::automatic || rules.source == source;
    };
    if (wanted(message::UidlSource::dovecot)) {
        const Result<std::string> content = read_dovecot_list(maildir, rules);
        if (!content) return content.error();
        ForeignList list = parse_dovecot_uidlist(content.value(), rules.dovecot_format);
        if (list.source == message::UidlSource::dovecot) return list;
    }
    if (wanted(message::UidlSource::courier)) {
        const Result<std::string> content = read_own(maildir, courier_name);
        if (!content) return content.error();
        if (!content.value().empty()) return parse_courier_sizelist(content.value());
    }
    return ForeignList{};
}

} // namespace buzon::maildir
