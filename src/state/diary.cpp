// state/diary.cpp - pages, ordered by last use.
#include "buzon/state/diary.h"

#include <algorithm>
#include <utility>

#include "escape.h"

namespace buzon::state {
namespace {

void append_pair(const EventField& field, std::string& line) {
    line.append(" ").append(field.key) += '=';
    if (field.is_number)
        append_number(field.number, line);
    else
        append_text_value(field.text, line);
}

std::string key_of(const Event& event) {
    std::string key{name_of(event.type)};
    for (const EventField& field : event.fields)
        if (field.key != "why") append_pair(field, key); // it varies: "try again in 7 seconds"
    return key;
}

// Drops the oldest line if there are too many. Keeps no spare capacity, because most of the thousands of users have
// only a line or two.
template <class Line>
void add(std::vector<Line>& lines, Line line) {
    if (lines.size() == Diary::lines_each)
        lines.erase(lines.begin());
    else
        lines.reserve(lines.size() + 1);
    lines.push_back(std::move(line));
}

} // namespace

Diary::Page& Diary::page_of(std::string_view user) {
    if (const auto found = by_user_.find(user); found != by_user_.end()) {
        pages_.splice(pages_.begin(), pages_, found->second);
        return pages_.front();
    }
    if (pages_.size() == max_users) {
        by_user_.erase(pages_.back().user);
        pages_.pop_back();
    }
    pages_.push_front({std::string{user}, {}, {}});
    by_user_.emplace(pages_.front().user, pages_.begin());
    return pages_.front();
}

void Diary::write(const Event& event, std::string_view line) {
    if (event.user.empty() || (mask_of(event.type) & events) == 0) return;
    Page& page = page_of(event.user);
    if (event.type == EventType::auth_fail || event.type == EventType::refused)
        note_refusal(page, event, line);
    else
        note_session(page, event, line);
}

void Diary::note_refusal(Page& page, const Event& event, std::string_view line) {
    std::string key = key_of(event);
    const auto same =
        std::find_if(page.refusals.begin(), page.refusals.end(), [&](const Refusal& one) { return one.key == key; });
    if (same == page.refusals.end())
        return add(page.refusals,
                   Refusal{std::move(key), std::string{line}, std::string{line.substr(0, line.find(' '))}});
    same->line = line;
    ++same->count;
    std::rotate(same, same + 1, page.refusals.end()); // it is the latest now
}

void Diary::note_session(Page& page, const Event& event, std::string_view line) {
    if (event.type == EventType::login) return add(page.sessions, Session{event.session, std::string{line}});
    const auto session = std::find_if(page.sessions.begin(), page.sessions.end(),
                                      [&](const Session& one) { return one.id == event.session; });
    if (session == page.sessions.end()) return; // older than the sessions that are kept
    if (event.type == EventType::filter_fail) {
        ++session->failed_filters;
    } else {
        session->line.append(" logout=").append(line.substr(0, line.find(' ')));
        for (const EventField& field : event.fields) append_pair(field, session->line);
    }
}

std::vector<std::string> Diary::read(std::string_view user) const {
    const auto found = by_user_.find(user);
    if (found == by_user_.end()) return {};
    std::vector<std::string> lines;
    for (const Refusal& one : found->second->refusals) {
        std::string& line = lines.emplace_back(one.line);
        if (one.count > 1) line.append(" count=").append(std::to_string(one.count)).append(" first=").append(one.first);
    }
    for (const Session& one : found->second->sessions) {
        std::string& line = lines.emplace_back(one.line);
        if (one.failed_filters > 0) line.append(" filter-fail=").append(std::to_string(one.failed_filters));
    }
    return lines;
}

} // namespace buzon::state
