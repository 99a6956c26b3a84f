// host/names_in.h - the names in a folder, except "." and "..".
#pragma once

#include <string>
#include <vector>

namespace buzon::host {

// Empty if it cannot be read. The descriptor may be an O_PATH one; the caller keeps it.
[[nodiscard]] std::vector<std::string> names_in(int folder);

} // namespace buzon::host
