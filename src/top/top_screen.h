// top/top_screen.h - shows the rows of the live view on a terminal.
#pragma once

#include "buzon/terminal/terminal.h"
#include "top.h"

namespace buzon::client {

class TopTerminal {
public:
    TopTerminal();

    // A terminal that cannot move its cursor gets one screen after the other, without control sequences.
    [[nodiscard]] bool dumb() const noexcept { return dumb_; }
    void draw(TopView& view, std::int64_t clock);
    void print(TopView& view, std::int64_t clock);
    [[nodiscard]] bool failed() const noexcept { return static_cast<bool>(out_.error()); }
    [[nodiscard]] RawMode& raw() noexcept { return raw_; }

private:
    const bool dumb_;
    const bool colours_;
    RawMode raw_;
    Output out_{1};
};

// One screen as text, without control sequences.
[[nodiscard]] std::string plain_screen(TopView& view, ScreenSize size, std::int64_t clock);
[[nodiscard]] std::int64_t wall_clock();

} // namespace buzon::client
