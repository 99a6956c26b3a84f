// client/editor.h - a line being edited: keys in, a row of the screen out. Knows no terminal; the caller draws.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/client/keys.h"

namespace buzon::client {

// Lines typed before, oldest first; bounded.
class History {
public:
    // An empty line and a repetition of the newest are not kept.
    void add(std::string line);
    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

private:
    std::vector<std::string> lines_;
};

class Editor {
public:
    // The history must outlive the editor.
    explicit Editor(std::string prompt, const History& history);

    enum class Wants {
        nothing, // to be ignored
        redraw,
        run,          // Enter: line() is complete
        cancel,       // Ctrl-C: drop the line, begin a new one
        leave,        // Ctrl-D on an empty line
        complete,     // Tab: the caller knows the words, see replace_word()
        clear_screen, // Ctrl-L
        suspend,      // Ctrl-Z
        bell
    };
    Wants press(const Key& key);

    [[nodiscard]] const std::string& line() const noexcept { return line_; }
    [[nodiscard]] std::string_view before_cursor() const noexcept { return std::string_view{line_}.substr(0, cursor_); }
    // Puts `word` in place of what stands between `from` and the cursor.
    void replace_word(std::size_t from, std::string_view word);
    // An empty line, at the history's end.
    void begin();

    // What draws the row the cursor is in, for a screen of `columns`: prompt, the part of the line around the cursor,
    // the cursor's place. "<" and ">" stand where more of the line lies beyond the edge.
    [[nodiscard]] std::string drawing(std::size_t columns);

private:
    Wants press_control(char letter);
    Wants move_to(std::size_t place);
    Wants erase(std::size_t from, std::size_t to, bool keep_for_yank);
    Wants recall(std::size_t place);
    void scroll(std::size_t room);
    [[nodiscard]] std::size_t word_left() const;
    [[nodiscard]] std::size_t word_right() const;

    std::string prompt_;
    const History& history_;
    std::string line_;
    std::size_t cursor_ = 0;     // octets in front of it; always at a character's edge
    std::size_t shown_from_ = 0; // first octet of the line that is on the screen
    std::string yank_;           // what Ctrl-K, Ctrl-U and Ctrl-W took away, for Ctrl-Y
    std::size_t recalled_ = 0;   // place in the history; its size: the line being written
    std::string unfinished_;     // that line, while older ones are looked at
};

} // namespace buzon::client
