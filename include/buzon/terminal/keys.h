// terminal/keys.h - decodes a terminal's bytes into keys. Accepts input in any pieces; has no descriptor and no clock.
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
        erase_word, // Alt-Backspace; Alt-D erases to the right
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
    // The keys completed by these bytes. An incomplete one (part of a UTF-8 character or a sequence) is kept.
    [[nodiscard]] std::vector<Key> feed(std::string_view bytes);

private:
    std::string held_;
};

} // namespace buzon::client
