#include "rename.h"

#include <algorithm>
#include <array>
#include <utility>

#include "parameters.h"

namespace buzon::programs {
namespace {

constexpr std::size_t max_depth = 200; // nested parts

bool equal_without_case(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

// In these charsets, "." is the octet 0x2E, and that octet is nothing else.
bool knows_dots(std::string_view charset) noexcept {
    constexpr std::array<std::string_view, 9> families = {"utf-8", "us-ascii", "ascii", "iso-8859-", "windows-",
                                                          "cp125", "koi8-",    "gb",    "euc-"};
    return charset.empty() || std::any_of(families.begin(), families.end(),
                                          [&](std::string_view family) { return charset.starts_with(family); });
}

// A field of a header, with its continuation lines.
struct Line {
    std::size_t begin = 0;
    std::size_t colon = 0;
    std::size_t end = 0; // after its line end
};

// How a field that names a dangerous file is changed: its names are replaced, or the whole field.
enum class Replaced { names, fields };

// One pass over the message; everything that is not renamed is copied.
class Renamer {
public:
    Renamer(std::string_view message, const RenameRules& rules, Replaced what)
        : message_{message}, rules_{rules}, what_{what} {}

    std::string all() {
        header();
        while (at_ < message_.size()) body_line();
        result_ += message_.substr(copied_);
        return std::move(result_);
    }

private:
    [[nodiscard]] std::size_t end_of_line(std::size_t from) const {
        const std::size_t end = message_.find('\n', from);
        return end == std::string_view::npos ? message_.size() : end + 1;
    }
    [[nodiscard]] bool blank_line(std::size_t from) const {
        return message_[from] == '\n' || message_.substr(from, 2) == "\r\n";
    }

    // Reads the header that begins here, with the empty line after it.
    void header() {
        std::vector<Line> lines;
        while (at_ < message_.size() && !blank_line(at_) && !boundary_here()) {
            const std::size_t begin = at_;
            at_ = end_of_line(at_);
            if ((message_[begin] == ' ' || message_[begin] == '\t') && !lines.empty()) {
                lines.back().end = at_;
                continue;
            }
            const std::size_t colon = message_.substr(begin, at_ - begin).find(':');
            lines.push_back({begin, colon == std::string_view::npos ? begin : begin + colon, at_});
        }
        if (at_ < message_.size() && blank_line(at_)) at_ = end_of_line(at_);
        take_part(lines);
    }

    void take_part(const std::vector<Line>& lines) {
        Field type;
        bool dangerous = false;
        std::vector<std::pair<Line, Field>> named;
        for (const Line& line : lines) {
            std::string_view name = message_.substr(line.begin, line.colon - line.begin);
            name = name.substr(0, name.find_last_not_of(" \t") + 1);
            const bool is_type = equal_without_case(name, "Content-Type");
            if (!is_type && !equal_without_case(name, "Content-Disposition")) continue;
            Field field = parse_field(message_.substr(line.colon + 1, line.end - line.colon - 1));
            if (is_type && type.value.empty()) type = field;
            for (const Parameter& one : field.parameters)
                dangerous = dangerous || (names_a_file(one) && !new_name(one.value, one.charset, rules_).empty());
            named.emplace_back(line, std::move(field));
        }
        if (dangerous)
            for (const auto& [line, field] : named) rewrite(line, field);
        descend(type);
    }

    static bool names_a_file(const Parameter& one) { return one.name == "name" || one.name == "filename"; }

    // Rewrites the value of a field of a part that is to be renamed.
    void rewrite(const Line& line, const Field& field) {
        const std::size_t base = line.colon + 1;
        struct Change {
            std::size_t begin, end;
            std::string text;
        };
        std::vector<Change> changes;
        const bool composite = field.value.starts_with("multipart/") || field.value.starts_with("message/");
        if (what_ == Replaced::fields) return replace_whole(line, field, composite);
        if (field.value.find('/') != std::string::npos && !composite)
            changes.push_back({field.where.begin, field.where.end, rules_.type});
        for (const Parameter& one : field.parameters) {
            if (!names_a_file(one)) continue;
            const std::string name = new_name(one.value, one.charset, rules_);
            if (name.empty()) continue;
            const Part& first = one.parts.front();
            changes.push_back({first.name, first.end, written(one.name, name, one.charset)});
            for (std::size_t i = 1; i < one.parts.size(); ++i)
                changes.push_back({one.parts[i].begin, one.parts[i].end, {}});
        }
        std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
        for (const Change& one : changes) replace(base + one.begin, base + one.end, one.text);
    }

    // Keeps only what the part needs to remain one.
    void replace_whole(const Line& line, const Field& field, bool composite) {
        const bool type = field.value.find('/') != std::string::npos;
        std::string value = ' ' + (composite ? field.value : type ? rules_.type : std::string{"attachment"});
        for (const Parameter& one : field.parameters)
            if (composite && one.name == "boundary") {
                value.append("; ").append(written(one.name, one.value, one.charset));
                break;
            }
        if (!composite)
            value.append(type ? "; name=" : "; filename=").append("\"filename.").append(rules_.extension) += '"';
        std::size_t end = line.end;
        while (end > line.colon + 1 && (message_[end - 1] == '\n' || message_[end - 1] == '\r')) --end;
        replace(line.colon + 1, end, value);
    }

    void replace(std::size_t begin, std::size_t end, const std::string& text) {
        result_ += message_.substr(copied_, begin - copied_);
        result_ += text;
        copied_ = end;
    }

    void descend(const Field& type) {
        if (boundaries_.size() >= max_depth) return;
        if (type.value == "message/rfc822" || type.value == "message/global") {
            boundaries_.emplace_back(); // matches no line: it ends with the part around it
            header();
            return;
        }
        if (!type.value.starts_with("multipart/")) return;
        for (const Parameter& one : type.parameters) {
            if (one.name != "boundary" || one.value.empty()) continue;
            boundaries_.push_back(one.value);
            return;
        }
    }

    // The level, from 1, of the boundary that the line here is; 0: it is no boundary. closes: set if it ends that
    // level.
    [[nodiscard]] std::size_t level_here(bool& closes) const {
        if (!message_.substr(at_).starts_with("--")) return 0;
        std::string_view line = message_.substr(at_ + 2, end_of_line(at_) - at_ - 2);
        line = line.substr(0, line.find_last_not_of(" \t\r\n") + 1);
        for (std::size_t level = boundaries_.size(); level > 0; --level) {
            const std::string& boundary = boundaries_[level - 1];
            if (boundary.empty() || !line.starts_with(boundary)) continue;
            const std::string_view rest = line.substr(boundary.size());
            if (!rest.empty() && rest != "--") continue;
            closes = !rest.empty();
            return level;
        }
        return 0;
    }
    [[nodiscard]] bool boundary_here() const {
        bool closes = false;
        return level_here(closes) != 0;
    }

    void body_line() {
        bool closes = false;
        const std::size_t level = level_here(closes);
        at_ = end_of_line(at_);
        if (level == 0) return;
        boundaries_.resize(closes ? level - 1 : level);
        if (!closes) header();
    }

    std::string_view message_;
    const RenameRules& rules_;
    Replaced what_;
    std::string result_;
    std::size_t at_ = 0;
    std::size_t copied_ = 0; // of the message, into the result
    std::vector<std::string> boundaries_;
};

} // namespace

std::string new_name(std::string_view name, std::string_view charset, const RenameRules& rules) {
    if (!knows_dots(charset)) return "filename." + rules.extension; // its extension is unknown
    std::string plain;
    for (const char c : name)
        if (static_cast<unsigned char>(c) >= ' ' && c != 0x7f) plain += c;
    // Desktops ignore blanks and dots at the end.
    plain.resize(plain.find_last_not_of(" .\"'") + 1);
    const std::size_t dot = plain.rfind('.');
    if (dot == std::string::npos) return {};
    const std::string_view extension = std::string_view{plain}.substr(dot + 1);
    const bool bad = std::any_of(rules.bad.begin(), rules.bad.end(),
                                 [&](const std::string& one) { return equal_without_case(one, extension); });
    if (!bad) return {};
    plain[dot] = '_';
    return plain + '.' + rules.extension;
}

// If another pass still finds a dangerous name, its field was written to confuse, and is replaced as a whole.
std::string renamed(std::string_view message, const RenameRules& rules) {
    constexpr int most_passes = 8;
    std::string result = Renamer{message, rules, Replaced::names}.all();
    if (result == message) return result;
    for (int passes = 1; passes < most_passes; ++passes) {
        std::string again = Renamer{result, rules, Replaced::fields}.all();
        if (again == result) break;
        result = std::move(again);
    }
    return result;
}

} // namespace buzon::programs
