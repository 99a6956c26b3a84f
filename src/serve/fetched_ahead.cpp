#include "buzon/serve/fetched_ahead.h"

#include <algorithm>

#include "buzon/jobs/jobs.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

constexpr auto kept_for = 2s; // since the session last asked for a message
constexpr std::uint32_t first_step = 3;

} // namespace

posix::UniqueFd FetchedAhead::take(std::uint64_t session, std::uint32_t index) {
    const auto found = by_id_.find(session);
    if (found == by_id_.end()) return {};
    Session& one = *found->second;
    const auto file = std::find_if(one.files.begin(), one.files.end(), [&](const auto& f) { return f.first == index; });
    if (file == one.files.end()) return {};
    posix::UniqueFd taken = std::move(file->second);
    one.files.erase(file);
    --held_;
    one.last = index;
    one.asked = loop_.now();
    sessions_.splice(sessions_.begin(), sessions_, found->second);
    return taken;
}

std::vector<std::uint32_t> FetchedAhead::wanted_with(std::uint64_t id, std::uint32_t index, std::uint32_t count) {
    const bool known = by_id_.contains(id);
    Session& session = session_of(id, index);
    if (known) {
        const bool next = index == session.last + 1;
        const bool previous = index + 1 == session.last;
        constexpr auto most = static_cast<std::uint32_t>(jobs::OpenAhead::max_messages - 1);
        session.step = next || previous ? std::min(session.step * 4, most) : 0;
        session.backwards = previous;
    }
    // After a jump, open only this message: others may follow, but nothing suggests it.
    std::vector<std::uint32_t> wanted{index};
    const auto room = static_cast<std::uint32_t>(max_files_);
    for (std::uint32_t i = 1; i <= std::min(session.step, room); ++i) {
        if (session.backwards ? index < i : index + i >= count) break;
        wanted.push_back(session.backwards ? index - i : index + i);
    }
    if (session.step == 0) session.step = 1;
    held_ -= session.files.size();
    session.files.clear();
    session.last = index;
    return wanted;
}

FetchedAhead::Session& FetchedAhead::session_of(std::uint64_t id, std::uint32_t index) {
    if (const auto found = by_id_.find(id); found != by_id_.end()) {
        found->second->asked = loop_.now();
        sessions_.splice(sessions_.begin(), sessions_, found->second);
        return sessions_.front();
    }
    while (!sessions_.empty() && sessions_.size() >= std::max<std::size_t>(max_files_, 1))
        forget(std::prev(sessions_.end()));
    sessions_.push_front(Session{id, index, false, first_step, loop_.now(), {}});
    by_id_.emplace(id, sessions_.begin());
    if (!timer_.armed()) timer_.arm(loop_.timers(), loop_.now() + kept_for);
    return sessions_.front();
}

void FetchedAhead::keep(std::uint64_t session, std::uint32_t index, posix::UniqueFd file) {
    const auto found = by_id_.find(session);
    if (found == by_id_.end()) return;
    while (held_ >= max_files_ && std::prev(sessions_.end()) != found->second) forget(std::prev(sessions_.end()));
    if (held_ >= max_files_) return;
    found->second->files.emplace_back(index, std::move(file));
    ++held_;
}

void FetchedAhead::let_go() noexcept {
    while (!sessions_.empty()) forget(sessions_.begin());
}

void FetchedAhead::forget(Sessions::iterator session) noexcept {
    held_ -= session->files.size();
    by_id_.erase(session->id);
    sessions_.erase(session);
}

void FetchedAhead::on_timer(event::Timer&) {
    while (!sessions_.empty() && sessions_.back().asked + kept_for <= loop_.now()) forget(std::prev(sessions_.end()));
    if (!sessions_.empty()) timer_.arm(loop_.timers(), sessions_.back().asked + kept_for);
}

} // namespace buzon::serve
