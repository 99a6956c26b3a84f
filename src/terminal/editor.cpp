#include "buzon/terminal/editor.h"

#include <algorithm>

#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

constexpr std::size_t longest_history = 500;
// The server rejects longer lines (docs/management-protocol.md, section 2).
constexpr std::size_t longest_line = 4096 - 2;

} // namespace

void History::add(std::string line) {
    if (words_of(line).empty() || (!lines_.empty() && lines_.back() == line)) return;
    if (lines_.size() == longest_history) lines_.erase(lines_.begin());
    lines_.push_back(std::move(line));
}

Editor::Editor(std::string prompt, const History& history)
    : prompt_{std::move(prompt)}, history_{history}, recalled_{history.lines().size()} {}

void Editor::begin() {
    line_.clear();
    unfinished_.clear();
    cursor_ = shown_from_ = 0;
    recalled_ = history_.lines().size();
}

Editor::Wants Editor::press(const Key& key) {
    using Code = Key::Code;
    if (sought_) return press_in_search(key);
    switch (key.code) {
    case Code::text:
        if (line_.size() + key.text.size() > longest_line) return Wants::bell;
        line_.insert(cursor_, key.text);
        cursor_ += key.text.size();
        return Wants::redraw;
    case Code::control: return press_control(key.text.front());
    case Code::enter: return Wants::run;
    case Code::tab: return Wants::complete;
    case Code::backspace: return erase(before_character(line_, cursor_), cursor_, false);
    case Code::erase: return erase(cursor_, after_character(line_, cursor_), false);
    case Code::left: return move_to(before_character(line_, cursor_));
    case Code::right: return move_to(after_character(line_, cursor_));
    case Code::home: return move_to(0);
    case Code::end: return move_to(line_.size());
    case Code::word_left: return move_to(word_left());
    case Code::word_right: return move_to(word_right());
    case Code::erase_word: return erase(word_left(), cursor_, true);
    case Code::erase_word_right: return erase(cursor_, word_right(), true);
    case Code::up: return recalled_ == 0 ? Wants::bell : recall(recalled_ - 1);
    case Code::down: return recall(recalled_ + 1);
    default: return Wants::nothing;
    }
}

Editor::Wants Editor::press_control(char letter) {
    switch (letter) {
    case 'A': return move_to(0);
    case 'B': return move_to(before_character(line_, cursor_));
    case 'C': return Wants::cancel;
    case 'D': return line_.empty() ? Wants::leave : erase(cursor_, after_character(line_, cursor_), false);
    case 'E': return move_to(line_.size());
    case 'F': return move_to(after_character(line_, cursor_));
    case 'K': return erase(cursor_, line_.size(), true);
    case 'L': return Wants::clear_screen;
    case 'N': return recall(recalled_ + 1);
    case 'P': return recalled_ == 0 ? Wants::bell : recall(recalled_ - 1);
    case 'R':
        if (recalled_ == history_.lines().size()) unfinished_ = line_;
        sought_ = "";
        return Wants::redraw;
    case 'U': return erase(0, cursor_, true);
    case 'W': return erase(word_left(), cursor_, true);
    case 'Y': return yank_.empty() ? Wants::bell : press({Key::Code::text, yank_});
    case 'Z': return Wants::suspend;
    default: return Wants::nothing;
    }
}

// During a search of the history, every key but these ends the search and has its usual effect.
Editor::Wants Editor::press_in_search(const Key& key) {
    const bool again = key.code == Key::Code::control && key.text == "R";
    const bool up = key.code == Key::Code::control && (key.text == "C" || key.text == "G");
    if (key.code == Key::Code::text) {
        *sought_ += key.text;
        return search(history_.lines().size());
    }
    if (key.code == Key::Code::backspace) {
        sought_->erase(before_character(*sought_, sought_->size()));
        return search(history_.lines().size());
    }
    if (again) return search(recalled_);
    sought_.reset();
    found_ = true;
    if (!up) return press(key);
    recalled_ = history_.lines().size();
    line_ = unfinished_;
    cursor_ = line_.size();
    return Wants::redraw;
}

// Finds the newest line older than `from` that contains the text.
Editor::Wants Editor::search(std::size_t from) {
    const std::vector<std::string>& lines = history_.lines();
    for (std::size_t i = std::min(from, lines.size()); i-- > 0;) {
        if (lines[i].find(*sought_) == std::string::npos) continue;
        recalled_ = i;
        line_ = lines[i];
        cursor_ = line_.size();
        found_ = true;
        return Wants::redraw;
    }
    found_ = false;
    return Wants::bell;
}

Editor::Wants Editor::move_to(std::size_t place) {
    if (place == cursor_) return Wants::nothing;
    cursor_ = place;
    return Wants::redraw;
}

Editor::Wants Editor::erase(std::size_t from, std::size_t to, bool keep_for_yank) {
    if (from == to) return Wants::bell;
    if (keep_for_yank) yank_ = line_.substr(from, to - from);
    line_.erase(from, to - from);
    cursor_ = from;
    return Wants::redraw;
}

Editor::Wants Editor::recall(std::size_t place) {
    const std::vector<std::string>& lines = history_.lines();
    if (place > lines.size()) return Wants::bell;
    if (recalled_ == lines.size()) unfinished_ = line_;
    recalled_ = place;
    line_ = place == lines.size() ? unfinished_ : lines[place];
    cursor_ = line_.size();
    return Wants::redraw;
}

std::size_t Editor::word_left() const {
    std::size_t at = cursor_;
    while (at > 0 && line_[at - 1] == ' ') --at;
    while (at > 0 && line_[at - 1] != ' ') --at;
    return at;
}

std::size_t Editor::word_right() const {
    std::size_t at = cursor_;
    while (at < line_.size() && line_[at] == ' ') ++at;
    while (at < line_.size() && line_[at] != ' ') ++at;
    return at;
}

void Editor::replace_word(std::size_t from, std::string_view word) {
    line_.replace(from, cursor_ - from, word);
    cursor_ = from + word.size();
}

// Chooses the visible part of a line that is too long for `room` columns. It moves by a third when the cursor leaves
// it, so that the text around the cursor is visible. Two columns are reserved for the marks at the edges.
void Editor::scroll(std::size_t room) {
    const std::string_view line = line_;
    const auto width = [line](std::size_t from, std::size_t to) { return columns(line.substr(from, to - from)); };
    const std::size_t jump = room / 3;
    if (cursor_ < shown_from_ || shown_from_ > line.size()) shown_from_ = cursor_;
    if (cursor_ == shown_from_) {
        for (std::size_t moved = 0; shown_from_ > 0 && moved < jump; ++moved) {
            shown_from_ = before_character(line, shown_from_);
        }
    }
    const std::size_t marks = cursor_ < line.size() ? 3 : 2;
    while (shown_from_ < cursor_ && width(shown_from_, cursor_) + marks > room) {
        for (std::size_t moved = 0; shown_from_ < cursor_ && moved < std::max<std::size_t>(jump, 1); ++moved) {
            shown_from_ = after_character(line, shown_from_);
        }
    }
}

std::string Editor::drawing(std::size_t screen) {
    // The last column stays empty: some terminals wrap when it is written.
    std::size_t room = screen > 1 ? screen - 1 : 1;
    const std::string usual = sought_ ? (found_ ? "search '" : "not found '") + *sought_ + "': " : prompt_;
    const std::string prompt = columns(usual) + 10 <= room ? usual : "> ";
    room -= std::min(room, columns(prompt));
    if (room == 0) return "\r\x1b[K";

    const std::string_view line = line_;
    if (columns(line) < room) {
        shown_from_ = 0;
    } else {
        scroll(room);
    }
    std::string shown = shown_from_ > 0 ? "<" : "";
    const std::size_t cursor_column =
        columns(prompt) + columns(shown) + columns(line.substr(shown_from_, cursor_ - shown_from_));
    std::size_t at = shown_from_;
    while (at < line.size()) {
        const std::size_t next = after_character(line, at);
        const std::size_t mark = next < line.size() ? 1 : 0;
        if (columns(shown) + columns(line.substr(at, next - at)) + mark > room) break;
        shown += line.substr(at, next - at);
        at = next;
    }
    if (at < line.size()) shown += '>';
    if (!hint_.empty() && cursor_ == line.size() && columns(shown) + 8 < room) {
        const std::size_t left = room - columns(shown);
        const std::string hint = columns(hint_) <= left ? hint_ : fitted(hint_, left - 1) + '>';
        shown += "\x1b[2m" + hint + "\x1b[m";
    }
    std::string text = '\r' + prompt + shown + "\x1b[K\r";
    if (cursor_column > 0) text += "\x1b[" + std::to_string(cursor_column) + 'C';
    return text;
}

} // namespace buzon::client
