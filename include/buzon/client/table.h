// client/table.h - rows of cells in straight columns, whatever characters they hold.
#pragma once

#include <string>
#include <vector>

namespace buzon::client {

using Cells = std::vector<std::string>;

// Two blanks between columns, none at a line's end; a column of numbers only is right-aligned. The heading may be
// empty. Cells are made printable. Every line ends with LF.
[[nodiscard]] std::string table(const Cells& heading, const std::vector<Cells>& rows);

} // namespace buzon::client
