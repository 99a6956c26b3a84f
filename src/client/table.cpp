#include "buzon/client/table.h"

#include <algorithm>

#include "buzon/client/text.h"

namespace buzon::client {
namespace {

struct Column {
    std::size_t width = 0;
    bool numbers = true;
};

std::string line_of(const Cells& cells, const std::vector<Column>& columns) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string shown = printable(cells[i]);
        line += columns[i].numbers ? fitted_right(shown, columns[i].width) : fitted(shown, columns[i].width);
        line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line += '\n';
}

void measure(const Cells& cells, std::vector<Column>& columns_found, bool heading) {
    columns_found.resize(std::max(columns_found.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
        columns_found[i].width = std::max(columns_found[i].width, columns(printable(cells[i])));
        const bool nothing = cells[i].empty() || cells[i] == "-";
        if (!heading && !nothing && !number_of(cells[i])) columns_found[i].numbers = false;
    }
}

} // namespace

std::string table(const Cells& heading, const std::vector<Cells>& rows) {
    std::vector<Column> found;
    measure(heading, found, true);
    for (const Cells& row : rows)
        measure(row, found, false);
    std::string text = heading.empty() ? "" : line_of(heading, found);
    for (const Cells& row : rows)
        text += line_of(row, found);
    return text;
}

} // namespace buzon::client
