// client/choices.h - what Tab shows when a word may become several.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace buzon::client {

// The words in columns on a screen that wide, as a shell lists them; every row ends with LF.
[[nodiscard]] std::string listing(const std::vector<std::string>& words, std::size_t screen);

// How many octets the words (at least one) have in common at their beginning, letters of either case being equal.
[[nodiscard]] std::size_t common_length(const std::vector<std::string>& words);

} // namespace buzon::client
