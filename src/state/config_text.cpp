// state/config_text.cpp - edits a config file line by line.
#include "buzon/state/config_text.h"

#include <algorithm>
#include <optional>

namespace buzon::state {
namespace {

// One line including its end, split into pieces that make up the whole line.
struct Pieces {
    std::string_view indent, name, between, value, end; // between: blanks and '='; end: blanks and the line's end
    bool has_value = false;
    bool comment_or_empty = false;
};

std::string_view take_while(std::string_view& text, std::string_view set) {
    const std::size_t end = std::min(text.find_first_not_of(set), text.size());
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end);
    return taken;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
    text.remove_prefix(line.size());
    return line;
}

std::string_view without_trailing(std::string_view text, std::string_view set) {
    return text.substr(0, text.find_last_not_of(set) + 1);
}

// std::nullopt for an invalid line.
std::optional<Pieces> cut(std::string_view line) {
    Pieces pieces;
    if (line.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string_view content = without_trailing(line, " \t\r\n");
    pieces.end = line.substr(content.size());
    std::string_view rest = content;
    pieces.indent = take_while(rest, " \t");
    if (rest.empty() || rest.front() == '#') {
        pieces.comment_or_empty = true;
        return pieces;
    }
    const std::size_t equals = rest.find('=');
    pieces.has_value = equals != std::string_view::npos;
    pieces.name = without_trailing(rest.substr(0, equals), " \t");
    if (pieces.name.empty() || pieces.name.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
    std::string_view value = pieces.has_value ? rest.substr(equals + 1) : std::string_view{};
    take_while(value, " \t");
    pieces.value = value;
    pieces.between = rest.substr(pieces.name.size(), rest.size() - pieces.name.size() - value.size());
    return pieces;
}

std::string_view line_end_of(std::string_view text) {
    const std::size_t first = text.find('\n');
    return first != std::string_view::npos && first > 0 && text[first - 1] == '\r' ? "\r\n" : "\n";
}

void append_option(const Pieces& pieces, std::string_view value, std::string& out) {
    out.append(pieces.indent).append(pieces.name);
    if (value == pieces.value)
        out.append(pieces.between).append(value); // a bare name stays bare
    else if (pieces.has_value && !pieces.value.empty())
        out.append(pieces.between).append(value);
    else
        out.append(" = ").append(value);
}

} // namespace

std::variant<std::vector<ConfigLine>, std::size_t> parse_config(std::string_view text) {
    std::vector<ConfigLine> lines;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto pieces = cut(take_line(text));
        if (!pieces) return number;
        if (!pieces->comment_or_empty) lines.push_back({number, pieces->name, pieces->value, pieces->has_value});
    }
    return lines;
}

std::string edit_config(std::string_view text, std::string_view name, std::span<const std::string> values) {
    const std::string_view end = line_end_of(text);
    std::string out;
    std::size_t used = 0;        // values already placed
    std::size_t behind_last = 0; // where to insert the others
    bool any = false;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        const auto pieces = cut(line);
        if (!pieces || pieces->comment_or_empty || pieces->name != name) {
            out += line;
            continue;
        }
        if (used < values.size()) {
            append_option(*pieces, values[used++], out);
            out += pieces->end;
        }
        behind_last = out.size();
        any = true;
    }
    std::string more;
    for (; used < values.size(); ++used) more.append(name).append(" = ").append(values[used]).append(end);
    if (more.empty()) return out;
    if (!any) behind_last = out.size();
    if (behind_last > 0 && out[behind_last - 1] != '\n') more.insert(0, end);
    return out.insert(behind_last, more);
}

} // namespace buzon::state
