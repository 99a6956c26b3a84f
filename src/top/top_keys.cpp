// top/top_keys.cpp - what keys do in the live view.
#include <algorithm>

#include "top.h"

namespace buzon::client {
namespace {

bool holds(const TopSession& session, const std::string& text) {
    for (const std::string* field :
         {&session.id, &session.user, &session.address, &session.state, &session.command, &session.program})
        if (field->find(text) != std::string::npos) return true;
    return false;
}

} // namespace

void TopView::refresh() {
    data_.sort(order_);
    shown_.clear();
    const auto& sessions = data_.sessions();
    for (std::size_t i = 0; i < sessions.size(); ++i)
        if (filter_.empty() || holds(sessions[i], filter_)) shown_.push_back(i);
    // The selected session stays selected wherever it has moved. If it has ended, the session now in its place is
    // selected.
    const auto same = std::find_if(shown_.begin(), shown_.end(),
                                   [&](std::size_t i) { return !selected_.empty() && sessions[i].id == selected_; });
    if (same != shown_.end()) {
        place_ = static_cast<std::size_t>(same - shown_.begin());
    } else {
        place_ = shown_.empty() ? 0 : std::min(place_, shown_.size() - 1);
        if (mode_ == Mode::list && !selected_.empty()) selected_ = shown_.empty() ? "" : sessions[shown_[place_]].id;
    }
}

const TopSession* TopView::selected() const {
    for (const TopSession& one : data_.sessions())
        if (one.id == selected_) return &one;
    return nullptr;
}

void TopView::select(long rows) {
    if (shown_.empty()) return;
    const auto last = static_cast<long>(shown_.size()) - 1;
    const long from = selected_.empty() ? static_cast<long>(place_) - (rows > 0 ? 1 : 0) : static_cast<long>(place_);
    place_ = static_cast<std::size_t>(std::clamp(from + rows, 0L, last));
    selected_ = data_.sessions()[shown_[place_]].id;
}

TopView::Wants TopView::press(const Key& key, std::size_t screen_rows) {
    message_.clear();
    if (key.code == Key::Code::control && key.text == "Z") return Wants::suspend;
    if (key.code == Key::Code::control && key.text == "C") return Wants::leave_now;
    switch (mode_) {
    case Mode::help:
    case Mode::details: mode_ = Mode::list; return Wants::nothing;
    case Mode::filter: return press_in_filter(key);
    case Mode::question:
        mode_ = Mode::list;
        if (key.code == Key::Code::text && (key.text == "y" || key.text == "Y")) return Wants::kick;
        message_ = "nobody was kicked";
        return Wants::nothing;
    case Mode::list: break;
    }
    return press_in_list(key, screen_rows);
}

TopView::Wants TopView::press_in_list(const Key& key, std::size_t screen_rows) {
    const auto page = static_cast<long>(screen_rows / 2);
    const auto all = static_cast<long>(shown_.size());
    switch (key.code) {
    case Key::Code::up: select(-1); return Wants::nothing;
    case Key::Code::down: select(1); return Wants::nothing;
    case Key::Code::page_up: select(-page); return Wants::nothing;
    case Key::Code::page_down: select(page); return Wants::nothing;
    case Key::Code::home: select(-all); return Wants::first;
    case Key::Code::end: select(all); return Wants::last;
    case Key::Code::left: return Wants::back;
    case Key::Code::right: return Wants::forward;
    case Key::Code::enter:
        if (selected() != nullptr) mode_ = Mode::details;
        return Wants::nothing;
    case Key::Code::control: return key.text == "D" ? Wants::leave_now : Wants::nothing;
    case Key::Code::text: return key.text.size() == 1 ? press_letter(key.text.front()) : Wants::nothing;
    default: return Wants::nothing;
    }
}

TopView::Wants TopView::press_letter(char letter) {
    switch (letter) {
    case 'q':
    case 'Q': return Wants::quit;
    case 'h':
    case '?': mode_ = Mode::help; return Wants::nothing;
    case '/':
        mode_ = Mode::filter;
        filter_.clear();
        refresh();
        return Wants::nothing;
    case 'p': paused_ = !paused_; return Wants::nothing;
    case 's':
        order_ = order_ == TopOrder::load ? TopOrder::age : order_ == TopOrder::age ? TopOrder::user : TopOrder::load;
        if (selected_.empty()) first_ = place_ = 0;
        refresh();
        return Wants::nothing;
    case 'k':
        if (const TopSession* const session = selected()) {
            kick_ = session->id;
            mode_ = Mode::question;
        } else {
            message_ = "select a session first, with the arrow keys";
        }
        return Wants::nothing;
    case '+': return Wants::slower;
    case '-': return Wants::faster;
    case '<': return Wants::back;
    case '>': return Wants::forward;
    default: return Wants::nothing;
    }
}

TopView::Wants TopView::press_in_filter(const Key& key) {
    if (key.code == Key::Code::enter || key.code == Key::Code::control) {
        if (key.code == Key::Code::control) filter_.clear(); // Escape and the like
        mode_ = Mode::list;
    } else if (key.code == Key::Code::backspace) {
        filter_.erase(before_character(filter_, filter_.size()));
    } else if (key.code == Key::Code::text) {
        filter_ += key.text;
    }
    refresh();
    return Wants::nothing;
}

} // namespace buzon::client
