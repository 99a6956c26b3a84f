// client/choices.h - the list that Tab shows when a word has several completions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace buzon::client {

// The words in columns for a screen of this width, as in a shell. Every row ends with LF.
[[nodiscard]] std::string listing(const std::vector<std::string>& words, std::size_t screen);

// The length of the common prefix of the words (at least one), ignoring case.
[[nodiscard]] std::size_t common_length(const std::vector<std::string>& words);

} // namespace buzon::client
