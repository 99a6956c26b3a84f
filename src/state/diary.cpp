// state/diary.cpp - pages, ordered by last use.
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
        pages_.push_front({std::string{user}, {}, 0});
        by_user_.emplace(pages_.front().user, pages_.begin());
    }
    Page& page = pages_.front();
    if (page.count == lines_each) {
        page.lines.erase(0, page.lines.find('\n') + 1);
        --page.count;
    }
    // Reserve exactly: most of the thousands of users have a line or two.
    page.lines.reserve(page.lines.size() + line.size() + 1);
    page.lines += line;
    page.lines += '\n';
    ++page.count;
}

std::vector<std::string> Diary::read(std::string_view user) const {
    const auto found = by_user_.find(user);
    if (found == by_user_.end()) return {};
    std::vector<std::string> lines;
    std::string_view rest = found->second->lines;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    return lines;
}

} // namespace buzon::state
