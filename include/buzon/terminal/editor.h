// terminal/editor.h - a line editor: keys in, a screen row out. Knows no terminal; the caller draws.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/terminal/keys.h"

namespace buzon::client {

// Lines typed earlier, oldest first; bounded.
class History {
public:
    // Skips empty lines and repetitions of the newest line.
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
        nothing, // nothing to do
        redraw,
        run,          // Enter: line() is complete
        cancel,       // Ctrl-C: drop the line, begin a new one
        leave,        // Ctrl-D on an empty line
        complete,     // Tab: the caller completes the word, see replace_word()
        clear_screen, // Ctrl-L
        suspend,      // Ctrl-Z
        bell
    };
    Wants press(const Key& key);

    [[nodiscard]] const std::string& line() const noexcept { return line_; }
    [[nodiscard]] std::string_view before_cursor() const noexcept { return std::string_view{line_}.substr(0, cursor_); }
    // Replaces the text between `from` and the cursor with `word`.
    void replace_word(std::size_t from, std::string_view word);
    // Starts an empty line, at the end of the history.
    void begin();
    void set_prompt(std::string prompt) { prompt_ = std::move(prompt); }
    // Shown faintly after the line while the cursor is at its end.
    void set_hint(std::string hint) { hint_ = std::move(hint); }

    // The output that draws the cursor's row on a screen of `columns`: the prompt, the part of the line around the
    // cursor, and the cursor's position. "<" and ">" mark that the line continues beyond an edge.
    [[nodiscard]] std::string drawing(std::size_t columns);

private:
    Wants press_control(char letter);
    Wants press_in_search(const Key& key);
    Wants search(std::size_t from);
    Wants move_to(std::size_t place);
    Wants erase(std::size_t from, std::size_t to, bool keep_for_yank);
    Wants recall(std::size_t place);
    void scroll(std::size_t room);
    [[nodiscard]] std::size_t word_left() const;
    [[nodiscard]] std::size_t word_right() const;

    std::string prompt_, hint_;
    const History& history_;
    std::optional<std::string> sought_; // Ctrl-R: the text being searched for
    bool found_ = true;
    std::string line_;
    std::size_t cursor_ = 0;     // octets before it; always at a character boundary
    std::size_t shown_from_ = 0; // first octet of the line that is on the screen
    std::string yank_;           // what Ctrl-K, Ctrl-U and Ctrl-W deleted, for Ctrl-Y
    std::size_t recalled_ = 0;   // index in the history; its size: the new line
    std::string unfinished_;     // that line, while older ones are shown
};

} // namespace buzon::client
