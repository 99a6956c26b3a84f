// client/history_file.h - keeps the lines typed at the prompt for the next time. The caller must leave out lines with a
// password.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace buzon::client {

// BUZON_HISTORY, or .buzonctl_history in the home directory; "" if there is none.
[[nodiscard]] std::string history_path();
// The last lines, oldest first. A file that is not ours, or not a regular file, is left alone.
[[nodiscard]] std::vector<std::string> read_history(const std::string& path);
// Makes the file readable by its owner only. Ignores errors: a lost line of history is not worth a message.
void append_history(const std::string& path, std::string_view line);

} // namespace buzon::client
