#include "table.h"

#include <algorithm>
#include <span>

#include "text.h"

namespace buzon::client {
namespace {

struct Column {
    std::size_t width = 0;
    bool numbers = true;
    bool empty = true; // except its heading
    bool shown = true;
};

constexpr std::size_t between = 2;
constexpr std::size_t least_of_a_word = 8;

std::string line_of(const Cells& cells, const std::vector<Column>& columns) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!columns[i].shown) continue;
        const std::string shown = printable(cells[i]);
        line += columns[i].numbers ? fitted_right(shown, columns[i].width) : fitted(shown, columns[i].width);
        line.append(between, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line += '\n';
}

void measure(const Cells& cells, std::vector<Column>& columns_found, bool heading) {
    columns_found.resize(std::max(columns_found.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
        columns_found[i].width = std::max(columns_found[i].width, columns(printable(cells[i])));
        const bool nothing = cells[i].empty() || cells[i] == "-";
        if (heading || nothing) continue;
        columns_found[i].empty = false;
        if (!number_of(cells[i])) columns_found[i].numbers = false;
    }
}

std::size_t width_of(const std::vector<Column>& columns) {
    std::size_t width = 0;
    for (const Column& column : columns)
        if (column.shown) width += column.width + between;
    return width == 0 ? 0 : width - between;
}

void fit(std::vector<Column>& columns, std::size_t room, std::size_t kept) {
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
    for (auto column = lesser.rbegin(); column != lesser.rend() && width_of(columns) > room; ++column)
        column->shown = false;
}

} // namespace

std::string table(const Cells& heading, const std::vector<Cells>& rows, std::size_t room, std::size_t kept) {
    std::vector<Column> found;
    measure(heading, found, true);
    for (const Cells& row : rows) measure(row, found, false);
    if (room > 0) fit(found, room, kept);
    std::string text = heading.empty() ? "" : line_of(heading, found);
    for (const Cells& row : rows) text += line_of(row, found);
    return text;
}

} // namespace buzon::client
