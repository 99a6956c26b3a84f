#include "buzon/terminal/table.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

struct Column {
    std::size_t width = 0;
    bool numbers = true;
    bool empty = true; // apart from its heading
    bool shown = true;
};

constexpr std::size_t between = 2;
constexpr std::size_t least_of_a_word = 8;

std::string marked(std::string_view text, std::size_t width) {
    return buzon::client::columns(text) > width && width > 1 ? fitted(text, width - 1) + '>' : fitted(text, width);
}

std::string line_of(const Cells& cells, const std::vector<Column>& columns) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!columns[i].shown) continue;
        const std::string shown = printable(cells[i]);
        line += columns[i].numbers ? fitted_right(shown, columns[i].width) : marked(shown, columns[i].width);
        line.append(between, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line += '\n';
}

// A number, maybe with groups of digits and a unit: "12,345", "2.5ms", "64k".
bool is_amount(std::string_view text) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789.,"), text.size());
    if (end == 0 || text.front() == '.' || text.front() == ',') return number_of(text).has_value();
    constexpr std::string_view units[] = {"", "k", "K", "M", "G", "T", "P", "E", "us", "ms", "s", "m", "h", "d", "%"};
    return std::find(std::begin(units), std::end(units), text.substr(end)) != std::end(units);
}

void measure(const Cells& cells, std::vector<Column>& columns_found, bool heading) {
    columns_found.resize(std::max(columns_found.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
        columns_found[i].width = std::max(columns_found[i].width, columns(printable(cells[i])));
        const bool nothing = cells[i].empty() || cells[i] == "-";
        if (heading || nothing) continue;
        columns_found[i].empty = false;
        if (!is_amount(cells[i])) columns_found[i].numbers = false;
    }
}

std::size_t width_of(const std::vector<Column>& columns) {
    std::size_t width = 0;
    for (const Column& column : columns)
        if (column.shown) width += column.width + between;
    return width == 0 ? 0 : width - between;
}

// Whether a column with content was dropped.
bool fit(std::vector<Column>& columns, std::size_t room, std::size_t kept) {
    const std::span<Column> lesser{columns.begin() + static_cast<std::ptrdiff_t>(std::min(kept, columns.size())),
                                   columns.end()};
    for (auto column = lesser.rbegin(); column != lesser.rend() && width_of(columns) > room; ++column)
        if (column->empty) column->shown = false;
    while (width_of(columns) > room) {
        Column* widest = nullptr;
        for (Column& column : lesser) {
            const bool can_shrink = column.shown && !column.numbers && column.width > least_of_a_word;
            if (can_shrink && (widest == nullptr || column.width > widest->width)) widest = &column;
        }
        if (widest == nullptr) break;
        --widest->width;
    }
    if (width_of(columns) <= room) return false;
    const std::size_t left = room > between ? room - between : 0; // the mark needs room, too
    bool dropped = false;
    for (auto column = lesser.rbegin(); column != lesser.rend() && width_of(columns) > left; ++column) {
        dropped = dropped || column->shown;
        column->shown = false;
    }
    return dropped;
}

} // namespace

std::string table(const Cells& heading, const std::vector<Cells>& rows, std::size_t room, std::size_t kept) {
    std::vector<Column> found;
    measure(heading, found, true);
    for (const Cells& row : rows) measure(row, found, false);
    const bool dropped = room > 0 && fit(found, room, kept);
    std::string text = heading.empty() ? "" : line_of(heading, found);
    if (dropped && !text.empty()) text.replace(text.size() - 1, 1, std::string(between - 1, ' ') + ">\n");
    for (const Cells& row : rows) text += line_of(row, found);
    return text;
}

} // namespace buzon::client
