// client/table.h - rows of cells in straight columns, whatever characters they hold.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace buzon::client {

using Cells = std::vector<std::string>;

// Two blanks between columns, none at a line's end; a column of numbers only is right-aligned. The heading may be
// empty. Cells are made printable. Every line ends with LF.
// `room`: columns of the screen, 0 for as many as are needed. Where they are too few, columns that say nothing ("-" in
// every row) are left out, then words are cut to eight columns, then whatever stands to the right is left out. None of
// this befalls the first `kept` columns: rather than that, rows are wider than the screen.
[[nodiscard]] std::string table(const Cells& heading, const std::vector<Cells>& rows, std::size_t room = 0,
                                std::size_t kept = 1);

} // namespace buzon::client
