#include "top_screen.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace buzon::client {
namespace {

constexpr std::string_view screen_on = "\x1b[?1049h\x1b[?25l", screen_off = "\x1b[?25h\x1b[?1049l";

std::string_view sequence(TopView::Style style, bool colours) {
    switch (style) {
    case TopView::Style::plain: return "";
    case TopView::Style::heading: return "\x1b[7m";
    case TopView::Style::selected: return "\x1b[1m";
    case TopView::Style::warning: return colours ? "\x1b[33m" : "";
    case TopView::Style::alarm: return colours ? "\x1b[31;1m" : "\x1b[1m";
    }
    return "";
}

} // namespace

TopTerminal::TopTerminal()
    : dumb_{!can_move_cursor()}
    , colours_{has_colours()}
    , raw_{STDIN_FILENO, STDOUT_FILENO, std::string{dumb_ ? "" : screen_on}, std::string{dumb_ ? "" : screen_off}} {}

void TopTerminal::draw(TopView& view, std::int64_t clock) {
    const ScreenSize size = screen_size(STDOUT_FILENO);
    std::string text = "\x1b[H";
    const auto rows = view.frame(size.rows, size.columns, clock);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        // Position each row: after writing the last column, a terminal may or may not wrap.
        text += "\x1b[" + std::to_string(i + 1) + ";1H";
        const std::string_view style = sequence(rows[i].style, colours_);
        text.append(style).append(rows[i].text).append(style.empty() ? "" : "\x1b[m");
    }
    out_.put(text);
}

void TopTerminal::print(TopView& view, std::int64_t clock) {
    out_.put(plain_screen(view, screen_size(STDOUT_FILENO), clock) + '\n');
}

std::string plain_screen(TopView& view, ScreenSize size, std::int64_t clock) {
    std::string text;
    // One column less: after writing the last one, a terminal may or may not wrap.
    for (const TopView::Row& row : view.frame(size.rows, size.columns - 1, clock)) {
        const std::size_t end = row.text.find_last_not_of(' ') + 1;
        if (end > 0) text += row.text.substr(0, end) + '\n';
    }
    return text;
}

std::int64_t wall_clock() {
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

} // namespace buzon::client
