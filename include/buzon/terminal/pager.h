// terminal/pager.h - shows text that is longer than the screen in a pager.
#pragma once

#include <string_view>

#include "buzon/terminal/terminal.h"

namespace buzon::client {

// Writes the text, through a pager if stdin and `out` are a terminal that has no room for it and a prompt. The pager is
// PAGER, by default less, or more if there is no less. An empty PAGER, or "cat", means none. The terminal must not be
// in raw mode.
void put_paged(Output& out, std::string_view text);
// Whether put_paged() would run a pager.
[[nodiscard]] bool needs_pager(const Output& out, std::string_view text);

} // namespace buzon::client
