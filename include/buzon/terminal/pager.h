// terminal/pager.h - text that is longer than the screen, shown by a pager.
#pragma once

#include <string_view>

#include "buzon/terminal/terminal.h"

namespace buzon::client {

// Writes the text; if it has more rows than the terminal behind stdin and `out`, by way of PAGER (less, or more where
// that is missing). The terminal must not be in raw mode then. An empty PAGER, or "cat", means none.
void put_paged(Output& out, std::string_view text);
// Whether put_paged() would run it.
[[nodiscard]] bool needs_pager(const Output& out, std::string_view text);

} // namespace buzon::client
