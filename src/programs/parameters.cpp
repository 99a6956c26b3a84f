#include "parameters.h"

#include <algorithm>
#include <map>
#include <optional>

#include "buzon/line/escapes.h"
#include "buzon/line/number.h"

namespace buzon::programs {
namespace {

constexpr std::string_view blanks = " \t\r\n";

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_case(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

// RFC 2047 section 4.2: "=5F" is an underscore, "_" a space.
std::string from_q(std::string_view text) {
    std::string spaced{text};
    std::replace(spaced.begin(), spaced.end(), '_', ' ');
    return line::without_escapes(spaced, '=');
}

std::string from_base64(std::string_view text) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string octets;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t value = letters.find(c);
        if (value == std::string_view::npos) continue;
        bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
        if ((count += 6) < 8) continue;
        count -= 8;
        octets += static_cast<char>(bits >> count & 0xff);
    }
    return octets;
}

// "=?charset?Q?text?=" at the front of `text`, taken from it. The last "?=" begins this many octets before the end: a
// text of many beginnings must not be searched to its end for each of them.
bool take_encoded_word(std::string_view& text, std::size_t last, std::string& octets, std::string& charset) {
    if (!text.starts_with("=?")) return false;
    const std::size_t kind = text.find('?', 2);
    if (kind == std::string_view::npos || kind + 2 >= text.size() || text[kind + 2] != '?') return false;
    const char how = lower(text[kind + 1]);
    if (how != 'q' && how != 'b') return false;
    if (kind + 3 + last > text.size()) return false;
    const std::size_t end = text.find("?=", kind + 3);
    const std::string_view encoded = text.substr(kind + 3, end - kind - 3);
    octets += how == 'q' ? from_q(encoded) : from_base64(encoded);
    const std::string_view set = text.substr(2, kind - 2);
    charset = lower_case(set.substr(0, set.find('*')));
    text.remove_prefix(end + 2);
    return true;
}

std::string without_encoded_words(std::string_view text, std::string& charset) {
    std::string octets;
    const std::size_t found = text.rfind("?=");
    if (found == std::string_view::npos) return std::string{text};
    const std::size_t last = text.size() - found;
    while (!text.empty()) {
        if (take_encoded_word(text, last, octets, charset)) {
            // Blanks between two encoded words are not part of them.
            const std::size_t next = text.find_first_not_of(blanks);
            if (next != std::string_view::npos && text.substr(next).starts_with("=?")) text.remove_prefix(next);
            continue;
        }
        octets += text.front();
        text.remove_prefix(1);
    }
    return octets;
}

// A parameter as it is written.
struct Raw {
    std::string name;
    std::string value;
    Part part;
};

class Reader {
public:
    explicit Reader(std::string_view text) noexcept : text_{text} {}

    Part first_word() {
        skip();
        const std::size_t begin = at_;
        at_ = std::min(text_.find(';', at_), text_.size());
        const std::string_view word = trimmed(text_.substr(begin, at_ - begin));
        return {begin, begin, begin + word.size()};
    }
    std::optional<Raw> next() {
        while (at_ < text_.size()) {
            const std::size_t begin = at_;
            if (text_[at_] == ';') ++at_;
            skip();
            const std::size_t name = at_;
            at_ = std::min(text_.find_first_of("=;", at_), text_.size());
            const std::string key = lower_case(trimmed(text_.substr(name, at_ - name)));
            if (at_ == text_.size() || text_[at_] == ';') continue;
            ++at_;
            skip();
            std::string value = at_ < text_.size() && text_[at_] == '"' ? quoted() : plain();
            return Raw{key, std::move(value), {begin, name, at_}};
        }
        return std::nullopt;
    }

private:
    // Blanks and comments. An unterminated comment does not count as one: some readers would find a name in it.
    void skip() {
        int depth = 0;
        std::size_t open = 0;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '(' && comments_ && depth++ == 0) open = at_;
            if (depth == 0 && blanks.find(c) == std::string_view::npos) return;
            if (c == '\\' && depth > 0) ++at_;
            if (c == ')' && depth > 0) --depth;
        }
        at_ = depth > 0 ? open : text_.size();
        comments_ = depth == 0; // or every unterminated one would be read to the end again
    }
    std::string quoted() {
        std::string value;
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            if (text_[at_] != '\r' && text_[at_] != '\n') value += text_[at_];
        }
        if (at_ < text_.size()) ++at_;
        return value;
    }
    std::string plain() {
        const std::size_t begin = at_;
        at_ = std::min(text_.find(';', at_), text_.size());
        const std::string_view value = trimmed(text_.substr(begin, at_ - begin));
        at_ = begin + value.size();
        std::string line;
        for (const char c : value)
            if (c != '\r' && c != '\n') line += c;
        return line;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool comments_ = true;
};

// The pieces of one parameter, by number.
struct Pieces {
    std::map<unsigned, std::pair<Raw, bool>> numbered; // and whether each is encoded
};

// "filename*1*": the plain name, the number, and whether its value is encoded.
struct Name {
    std::string plain;
    std::optional<unsigned> number;
    bool encoded = false;
};

Name parsed_name(std::string name) {
    Name parsed;
    if (name.ends_with('*')) {
        parsed.encoded = true;
        name.pop_back();
    }
    const std::size_t star = name.rfind('*');
    if (star != std::string::npos) {
        parsed.number = line::parse_whole<unsigned>(std::string_view{name}.substr(star + 1), 0, 9999);
        if (parsed.number) name.resize(star);
    }
    parsed.plain = name;
    return parsed;
}

// Removes "charset'language'" from the front of an encoded value.
std::string take_charset(std::string& value) {
    const std::size_t first = value.find('\'');
    const std::size_t second = first == std::string::npos ? first : value.find('\'', first + 1);
    if (second == std::string::npos) return {};
    std::string charset = lower_case(std::string_view{value}.substr(0, first));
    value.erase(0, second + 1);
    return charset;
}

Parameter joined(const std::string& name, Pieces pieces) {
    Parameter parameter{name, {}, {}, {}};
    bool first = true;
    for (auto& [number, piece] : pieces.numbered) {
        auto& [raw, encoded] = piece;
        if (encoded && first) parameter.charset = take_charset(raw.value);
        first = false;
        parameter.value += encoded ? line::without_escapes(raw.value) : raw.value;
        parameter.parts.push_back(raw.part);
    }
    return parameter;
}

} // namespace

Field parse_field(std::string_view value) {
    Reader reader{value};
    Field field;
    field.where = reader.first_word();
    field.value = lower_case(value.substr(field.where.begin, field.where.end - field.where.begin));
    std::map<std::string, std::vector<Pieces>>
        continued; // several if a piece occurs twice: readers differ on which one counts
    while (std::optional<Raw> raw = reader.next()) {
        Name name = parsed_name(raw->name);
        if (name.number) {
            std::vector<Pieces>& all = continued[name.plain];
            if (all.empty() || all.back().numbered.contains(*name.number)) all.emplace_back();
            all.back().numbered.try_emplace(*name.number, std::move(*raw), name.encoded);
            continue;
        }
        Parameter parameter{name.plain, {}, {}, {raw->part}};
        if (name.encoded) {
            parameter.charset = take_charset(raw->value);
            parameter.value = line::without_escapes(raw->value);
        } else {
            parameter.value = without_encoded_words(raw->value, parameter.charset);
        }
        field.parameters.push_back(std::move(parameter));
    }
    for (auto& [name, all] : continued)
        for (Pieces& pieces : all) field.parameters.push_back(joined(name, std::move(pieces)));
    return field;
}

std::string written(std::string_view name, std::string_view value, std::string_view charset) {
    const auto plain = [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
    std::string text{name};
    if (std::all_of(value.begin(), value.end(), plain)) return text.append("=\"").append(value).append("\"");
    constexpr std::string_view digits = "0123456789ABCDEF";
    // The charset comes from the mail: written unchecked, it could add a parameter of its own.
    const bool fit = !charset.empty() && std::all_of(charset.begin(), charset.end(), [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '.' ||
               c == ':' || c == '+';
    });
    text.append("*=").append(fit ? charset : "utf-8").append("''");
    for (const char c : value) {
        const auto octet = static_cast<unsigned char>(c);
        const bool letter =
            (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '-' || c == '_';
        if (letter) {
            text += c;
        } else {
            text += '%';
            text += digits[octet >> 4];
            text += digits[octet & 15];
        }
    }
    return text;
}

} // namespace buzon::programs
