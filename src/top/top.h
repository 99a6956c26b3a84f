// top/top.h - the screen of the live view: turns TopData into rows and handles keys. Knows no terminal, no socket and
// no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/terminal/keys.h"
#include "buzon/terminal/text.h"
#include "top_data.h"

namespace buzon::client {

class TopView {
public:
    enum class Style { plain, heading, selected, warning, alarm };
    struct Row {
        std::string text; // exactly as wide as requested
        Style style = Style::plain;
    };
    // What a key asks the owner to do. kick: to_kick() is the id.
    enum class Wants { nothing, quit, leave_now, suspend, kick, slower, faster, back, forward, first, last };

    explicit TopView(std::string server, Charset charset = Charset::utf8)
        : server_{std::move(server)}, charset_{charset} {}

    [[nodiscard]] TopData& data() noexcept { return data_; }
    // Sorts and filters the sessions. Call it after new replies.
    void refresh();

    Wants press(const Key& key, std::size_t screen_rows);
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    [[nodiscard]] const std::string& to_kick() const noexcept { return kick_; }

    void set_events_trouble(std::string why) { events_trouble_ = std::move(why); }
    // The message is shown in the last row until the next key, the state in the first row until it is set to "".
    void set_message(std::string text) { message_ = std::move(text); }
    void set_state(std::string text) { state_ = std::move(text); }
    // "every 1 s"; in a recording, the position.
    void set_pace(std::string text) { pace_ = std::move(text); }

    // `clock` is seconds since 1970. Returns exactly the requested number of rows, each exactly as wide as requested.
    [[nodiscard]] std::vector<Row> frame(std::size_t rows, std::size_t columns, std::int64_t clock);

private:
    enum class Mode { list, help, details, filter, question };

    Wants press_in_list(const Key& key, std::size_t screen_rows);
    Wants press_letter(char letter);
    Wants press_in_filter(const Key& key);
    void select(long rows);
    [[nodiscard]] const TopSession* selected() const;

    [[nodiscard]] std::vector<Row> panel(std::size_t columns) const;
    [[nodiscard]] std::vector<Row> list(std::size_t height, std::size_t columns);
    [[nodiscard]] std::vector<Row> details(std::size_t columns) const;
    [[nodiscard]] std::string head_line(std::int64_t clock) const;
    [[nodiscard]] std::string last_line() const;

    std::string server_;
    Charset charset_;
    TopData data_;
    std::vector<std::size_t> shown_; // indices of sessions that pass the filter, in order
    Mode mode_ = Mode::list;
    TopOrder order_ = TopOrder::load;
    std::string selected_;              // the id of a session
    std::size_t first_ = 0, place_ = 0; // in the list: the top row, and the selected one
    std::string filter_, kick_;
    std::string events_trouble_, message_, state_, pace_;
    bool paused_ = false;
};

} // namespace buzon::client
