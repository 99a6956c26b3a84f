// tests/client/screen.h - a small terminal emulator: what a person would see of the bytes that a program writes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

class Screen {
public:
    Screen(std::size_t rows, std::size_t columns);

    // Interprets like xterm: \r \n \b \a, CSI A B C D H J K m, private modes (ignored except for the alternate
    // screen). Anything else is recorded as unknown().
    void write(std::string_view bytes);

    // A row without trailing blanks.
    [[nodiscard]] std::string row(std::size_t index) const;
    [[nodiscard]] std::string row_with_cursor() const;
    // All rows up to the last one that is not empty, each with LF at its end.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; } // a character had no room in its row
    [[nodiscard]] bool alternate() const noexcept { return alternate_; }
    [[nodiscard]] const std::string& unknown() const noexcept { return unknown_; }

private:
    void put(std::string_view character, std::size_t width);
    void line_feed();
    void control_sequence(std::string_view arguments, char final);
    [[nodiscard]] std::string row_text(std::size_t index, bool cursor) const;

    std::size_t rows_, columns_;
    std::vector<std::vector<std::string>> cells_; // the cell after a wide character is empty
    std::size_t row_ = 0, column_ = 0;
    bool overflowed_ = false, alternate_ = false;
    std::string unknown_;
    std::string held_;
};
