// client/keys.h - from a terminal's bytes to keys. Fed in any slices; knows no descriptor and no clock.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace buzon::client {

struct Key {
    enum class Code {
        text,    // characters to insert, in Key::text
        control, // Ctrl with the letter in Key::text ("A".."Z", "[", "\\", "]", "^", "_")
        enter,
        tab,
        backspace,
        erase,
        up,
        down,
        left,
        right,
        home,
        end,
        word_left,
        word_right,
        erase_word, // Alt-Backspace, Alt-D goes to the right
        erase_word_right,
        page_up,
        page_down,
        paste_begin,
        paste_end,
        other
    } code;
    std::string text = {};

    bool operator==(const Key&) const = default;
};

class KeyReader {
public:
    // Keys that are complete with these bytes. The beginning of one (half a UTF-8 character, half a sequence) is kept.
    [[nodiscard]] std::vector<Key> feed(std::string_view bytes);
    // Bytes of a key whose rest has not come.
    [[nodiscard]] bool half_way() const noexcept { return !held_.empty(); }

private:
    std::string held_;
};

} // namespace buzon::client
