// terminal/table.h - formats rows of cells in aligned columns, whatever characters they contain.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace buzon::client {

using Cells = std::vector<std::string>;

// Two blanks between columns, none at the end of a line; a column of numbers is right-aligned. The heading may be
// empty. Cells are made printable. Every line ends with LF. `room`: width of the screen, 0 for no limit. If it is too
// small, columns without content ("-" in every row) are dropped, then words are cut to eight characters, the last
// being ">", then columns are dropped from the right: ">" ends the heading. The first `kept` columns are never dropped
// or cut, even if the rows become wider than the screen.
[[nodiscard]] std::string table(const Cells& heading, const std::vector<Cells>& rows, std::size_t room = 0,
                                std::size_t kept = 1);

} // namespace buzon::client
