#include "buzon/upkeep/complaints.h"

#include <chrono>

namespace buzon::upkeep {

Complaints::Talker& Complaints::talker(std::string_view program, std::string_view user) {
    std::string key{program};
    key.append(1, '\0').append(user);
    if (const auto found = talkers_.find(key); found != talkers_.end()) return found->second;
    if (talkers_.size() >= max_talkers) return talkers_[""];
    return talkers_.emplace(std::move(key), Talker{std::string{program}, std::string{user}}).first->second;
}

void Complaints::line(std::string_view program, std::uint64_t session, std::string_view user, std::string_view uidl,
                      std::string_view text) {
    if (!minute_.armed()) minute_.arm(loop_.timers(), loop_.now() + std::chrono::minutes{1});
    Talker& who = talker(program, user);
    if (who.said >= lines_a_minute) {
        ++who.withheld;
        return;
    }
    ++who.said;
    events_.publish(state::EventType::log, std::chrono::system_clock::now(), session, user,
                    {{"program", program}, {"uidl", uidl}, {"stderr", text}});
}

void Complaints::tell() {
    for (const auto& [key, who] : talkers_) {
        if (who.withheld == 0) continue;
        events_.publish(state::EventType::log, std::chrono::system_clock::now(), 0, who.user,
                        {{"program", who.program.empty() ? std::string_view{"-"} : who.program},
                         {"stderr", "(" + std::to_string(who.withheld) + " more lines not shown)"}});
    }
    talkers_.clear();
}

} // namespace buzon::upkeep
