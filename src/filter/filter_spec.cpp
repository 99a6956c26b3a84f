#include "buzon/filter/filter_spec.h"

#include <algorithm>
#include <utility>

namespace buzon::filter {
namespace {

constexpr std::string_view lasting = "process:";

constexpr bool blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

// Whether the text begins with the "/" of a path, or with "process:/".
bool begins_member(std::string_view text) noexcept {
    if (text.starts_with(lasting)) text.remove_prefix(lasting.size());
    return text.starts_with('/');
}

// Parses the text in one pass. After a member, the position is at the end, or at the beginning of the next one.
class Reader {
public:
    explicit Reader(std::string_view text) noexcept : text_{text} {}

    bool read(std::vector<FilterMember>& members) {
        if (text_.find_first_of(std::string_view{"\0\r\n", 3}) != std::string_view::npos) {
            return refuse("a specification must be one line without NUL");
        }
        skip_blanks();
        do {
            if (members.size() == FilterSpec::max_members) {
                return refuse("more than " + std::to_string(FilterSpec::max_members) + " programs in one chain");
            }
            if (!read_member(members.emplace_back())) return false;
        } while (!at_end());
        return true;
    }

    std::string problem;

private:
    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }
    [[nodiscard]] bool at_end() const noexcept { return place_ == text_.size(); }
    [[nodiscard]] char here() const noexcept { return text_[place_]; }
    void skip_blanks() noexcept {
        while (!at_end() && blank(here())) ++place_;
    }

    bool read_member(FilterMember& member) {
        const std::size_t begin = place_;
        member.lives_on = text_.substr(begin).starts_with(lasting);
        if (member.lives_on) place_ += lasting.size();
        const std::size_t path = place_;
        place_ = std::min(text_.find_first_of(" \t'\":", path), text_.size());
        member.path = text_.substr(path, place_ - path);
        if (member.path.empty()) return refuse("a program's path is missing");
        if (member.path.front() != '/') return refuse("a program's path must be absolute: " + member.path);
        std::size_t end = place_;
        if (!at_end() && here() == ':') {
            end = read_argument(member);
        } else if (!read_words(member, end)) {
            return false;
        }
        member.written = text_.substr(begin, end - begin);
        return true;
    }

    // Reads the ARG of PATH:ARG. Returns its end.
    std::size_t read_argument(FilterMember& member) {
        const std::size_t begin = ++place_;
        std::size_t end = text_.size();
        std::size_t next = text_.size();
        for (std::size_t bar = text_.find('|', begin); bar != std::string_view::npos; bar = text_.find('|', bar + 1)) {
            if (!blank(text_[bar - 1])) continue;
            const std::size_t behind = text_.find_first_not_of(" \t", bar + 1);
            if (behind == std::string_view::npos || behind == bar + 1 || !begins_member(text_.substr(behind))) continue;
            next = behind;
            for (end = bar; end > begin && blank(text_[end - 1]);) --end;
            break;
        }
        member.arguments.emplace_back(text_.substr(begin, end - begin));
        place_ = next;
        return end;
    }

    // Reads the rest of a command line. end: set to the end of the last word.
    bool read_words(FilterMember& member, std::size_t& end) {
        for (;;) {
            skip_blanks();
            if (at_end()) return true;
            if (at_bar()) {
                ++place_;
                skip_blanks();
                return true;
            }
            if (!read_word(member.arguments.emplace_back())) return false;
            end = place_;
        }
    }

    // "|" between white space and the next program; any other "|" is an ordinary character.
    [[nodiscard]] bool at_bar() const {
        if (here() != '|' || !blank(text_[place_ - 1])) return false;
        const std::size_t behind = text_.find_first_not_of(" \t", place_ + 1);
        return behind != std::string_view::npos && behind > place_ + 1 && begins_member(text_.substr(behind));
    }

    bool read_word(std::string& word) {
        while (!at_end() && !blank(here())) {
            const char c = text_[place_++];
            if (c == '\'') {
                if (!read_single_quoted(word)) return false;
            } else if (c == '"') {
                if (!read_double_quoted(word)) return false;
            } else if (c == '\\') {
                if (at_end()) return refuse("nothing follows the final \\");
                word += text_[place_++];
            } else {
                word += c;
            }
        }
        return true;
    }

    bool read_single_quoted(std::string& word) {
        const std::size_t close = text_.find('\'', place_);
        if (close == std::string_view::npos) return refuse("unterminated '");
        word += text_.substr(place_, close - place_);
        place_ = close + 1;
        return true;
    }

    bool read_double_quoted(std::string& word) {
        while (!at_end()) {
            const char c = text_[place_++];
            if (c == '"') return true;
            const bool escape =
                c == '\\' && !at_end() && std::string_view{"\"\\$`"}.find(here()) != std::string_view::npos;
            word += escape ? text_[place_++] : c;
        }
        return refuse("unterminated \"");
    }

    std::string_view text_;
    std::size_t place_ = 0;
};

std::string quoted(std::string_view word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./^-";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string{word};
    std::string text = "'";
    for (const char c : word) {
        if (c == '\'') {
            text += "'\\''";
        } else {
            text += c;
        }
    }
    return text + '\'';
}

std::string as_command_line(const FilterMember& member) {
    std::string text = member.name();
    for (const std::string& argument : member.arguments) text += ' ' + quoted(argument);
    return text;
}

} // namespace

std::string FilterMember::name() const {
    return lives_on ? std::string{lasting} + path : path;
}

ParsedSpec FilterSpec::parse(std::string_view text) {
    Reader reader{text};
    ParsedSpec parsed;
    if (!reader.read(parsed.spec.members_)) {
        parsed.spec.members_.clear();
        parsed.problem = std::move(reader.problem);
    }
    return parsed;
}

bool FilterSpec::append(const FilterSpec& next) {
    if (members_.size() + next.members_.size() > max_members) return false;
    members_.insert(members_.end(), next.members_.begin(), next.members_.end());
    return true;
}

FilterSpec FilterSpec::part(std::size_t first, std::size_t count) const {
    FilterSpec part;
    const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
    part.members_.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    return part;
}

std::string FilterSpec::names() const {
    std::string names;
    for (const FilterMember& member : members_) {
        if (!names.empty()) names += '|';
        names += member.name();
    }
    return names;
}

std::string FilterSpec::text() const {
    return joined(true);
}

std::string FilterSpec::text_for_a_file() const {
    return joined(false);
}

std::string FilterSpec::joined(bool end_counts) const {
    std::string text;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (i != 0) text += " | ";
        const FilterMember& member = members_[i];
        // White space at the end of an ARG would be read as part of the bar.
        const bool counts = end_counts && i + 1 == members_.size();
        text += counts || !blank(member.written.back()) ? member.written : as_command_line(member);
    }
    return text;
}

} // namespace buzon::filter
