// client/history_file.h - the lines typed at the prompt, kept for the next time. Never one with a password: the caller
// leaves those out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace buzon::client {

// BUZON_HISTORY, or .buzonctl_history in the home directory; "" if there is none.
[[nodiscard]] std::string history_path();
// The last lines, oldest first. A file that is not ours, or no plain file, is left alone.
[[nodiscard]] std::vector<std::string> read_history(const std::string& path);
// Nobody else may read the file. What cannot be written is not kept: that is no reason to disturb anybody.
void append_history(const std::string& path, std::string_view line);

} // namespace buzon::client
