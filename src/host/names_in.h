// host/names_in.h - the names in a folder, but for "." and "..".
#pragma once

#include <string>
#include <vector>

namespace buzon::host {

// Empty if it cannot be read. The descriptor may be an O_PATH one; it stays the caller's.
[[nodiscard]] std::vector<std::string> names_in(int folder);

} // namespace buzon::host
