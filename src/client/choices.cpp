#include "choices.h"

#include <algorithm>
#include <string_view>

#include "buzon/line/command_line.h"
#include "buzon/terminal/text.h"

namespace buzon::client {

std::string listing(const std::vector<std::string>& words, std::size_t screen) {
    std::size_t widest = 1;
    for (const std::string& word : words) widest = std::max(widest, columns(printable(word)) + 2);
    const std::size_t a_row = std::max<std::size_t>(1, (screen - 1) / widest);
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool last = (i + 1) % a_row == 0 || i + 1 == words.size();
        text += last ? printable(words[i]) + '\n' : fitted(printable(words[i]), widest);
    }
    return text;
}

std::size_t common_length(const std::vector<std::string>& words) {
    std::size_t length = words.front().size();
    for (const std::string& word : words) {
        std::size_t same = 0;
        while (same < std::min(length, word.size()) &&
               line::equals_ignoring_case(std::string_view{word}.substr(same, 1),
                                          std::string_view{words.front()}.substr(same, 1))) {
            ++same;
        }
        length = same;
    }
    return length;
}

} // namespace buzon::client
