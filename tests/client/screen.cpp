#include "screen.h"

#include <algorithm>
#include <cstdlib>

#include "buzon/terminal/text.h"

using namespace buzon::client;

Screen::Screen(std::size_t rows, std::size_t columns)
    : rows_{rows}, columns_{columns}, cells_(rows, std::vector<std::string>(columns, " ")) {}

void Screen::write(std::string_view bytes) {
    held_ += bytes;
    std::string_view rest = held_;
    while (!rest.empty()) {
        std::size_t taken = 1;
        const char c = rest.front();
        if (c == '\r') {
            column_ = 0;
        } else if (c == '\n') {
            line_feed();
        } else if (c == '\b') {
            column_ -= column_ > 0 ? 1 : 0;
        } else if (c == '\a') {
        } else if (c == '\x1b') {
            const std::size_t end = rest.find_first_not_of("0123456789;?", 2);
            if (rest.size() < 3 || end == std::string_view::npos) break; // the rest is still to come
            if (rest[1] == '[') {
                control_sequence(rest.substr(2, end - 2), rest[end]);
                taken = end + 1;
            } else {
                unknown_ += rest.substr(0, 2);
                taken = 2;
            }
        } else if (static_cast<unsigned char>(c) < 0x20) {
            unknown_ += c;
        } else {
            const Character here = first_character(rest);
            if (here.code == 0xFFFD && rest.size() < 4 && static_cast<unsigned char>(c) >= 0xC2) break;
            taken = here.octets;
            put(rest.substr(0, taken), static_cast<std::size_t>(columns_of(here.code)));
        }
        rest.remove_prefix(taken);
    }
    held_ = std::string{rest};
}

void Screen::put(std::string_view character, std::size_t width) {
    if (width == 0) {
        if (column_ > 0) cells_[row_][column_ - 1] += character;
        return;
    }
    if (column_ + width > columns_) {
        overflowed_ = true;
        return;
    }
    cells_[row_][column_] = character;
    if (width == 2) cells_[row_][column_ + 1].clear();
    column_ += width;
}

void Screen::line_feed() {
    if (row_ + 1 < rows_) {
        ++row_;
        return;
    }
    cells_.erase(cells_.begin());
    cells_.emplace_back(columns_, " ");
}

void Screen::control_sequence(std::string_view arguments, char final) {
    if (!arguments.empty() && arguments.front() == '?') {
        if (arguments == "?1049") {
            alternate_ = final == 'h';
            for (auto& row : cells_) std::fill(row.begin(), row.end(), " ");
        }
        return;
    }
    const std::size_t semicolon = arguments.find(';');
    const std::string first{arguments.substr(0, semicolon)};
    const std::string second{semicolon == std::string_view::npos ? "" : arguments.substr(semicolon + 1)};
    const auto number = [](const std::string& text, std::size_t otherwise) {
        return text.empty() ? otherwise : static_cast<std::size_t>(std::atoi(text.c_str()));
    };
    switch (final) {
    case 'A': row_ -= std::min(row_, number(first, 1)); break;
    case 'B': row_ = std::min(rows_ - 1, row_ + number(first, 1)); break;
    case 'C': column_ = std::min(columns_ - 1, column_ + number(first, 1)); break;
    case 'D': column_ -= std::min(column_, number(first, 1)); break;
    case 'H':
        row_ = std::min(rows_, number(first, 1)) - 1;
        column_ = std::min(columns_, number(second, 1)) - 1;
        break;
    case 'J':
        if (number(first, 0) == 2) {
            for (auto& row : cells_) std::fill(row.begin(), row.end(), " ");
        } else {
            for (std::size_t below = row_ + 1; below < rows_; ++below) {
                std::fill(cells_[below].begin(), cells_[below].end(), " ");
            }
            std::fill(cells_[row_].begin() + static_cast<std::ptrdiff_t>(column_), cells_[row_].end(), " ");
        }
        break;
    case 'K': std::fill(cells_[row_].begin() + static_cast<std::ptrdiff_t>(column_), cells_[row_].end(), " "); break;
    case 'm': break;
    default: unknown_ += "CSI " + std::string{arguments} + final;
    }
}

std::string Screen::row_text(std::size_t index, bool cursor) const {
    std::string text;
    for (std::size_t i = 0; i < columns_; ++i) {
        if (cursor && i == column_) text += '|';
        text += cells_[index][i];
    }
    if (cursor && column_ >= columns_) text += '|';
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string Screen::row(std::size_t index) const {
    return row_text(index, false);
}

std::string Screen::row_with_cursor() const {
    return row_text(row_, true);
}

std::string Screen::text() const {
    std::string text;
    for (std::size_t i = 0; i < rows_; ++i) text += row(i) + '\n';
    while (text.size() >= 2 && text.substr(text.size() - 2) == "\n\n") text.pop_back();
    return text == "\n" ? "" : text;
}
