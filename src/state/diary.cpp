// state/diary.cpp - pages in order of use.
#include "buzon/state/diary.h"

namespace buzon::state {

void Diary::write(std::string_view user, std::string_view line) {
    if (user.empty()) return;
    if (const auto found = by_user_.find(user); found != by_user_.end()) {
        pages_.splice(pages_.begin(), pages_, found->second);
    } else {
        if (pages_.size() == max_users) {
            by_user_.erase(pages_.back().user);
            pages_.pop_back();
        }
        pages_.push_front({std::string{user}, {}});
        by_user_.emplace(pages_.front().user, pages_.begin());
    }
    std::deque<std::string>& lines = pages_.front().lines;
    if (lines.size() == lines_each) lines.pop_front();
    lines.emplace_back(line);
}

std::vector<std::string> Diary::read(std::string_view user) const {
    const auto found = by_user_.find(user);
    if (found == by_user_.end()) return {};
    return {found->second->lines.begin(), found->second->lines.end()};
}

} // namespace buzon::state
