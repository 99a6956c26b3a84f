#include "buzon/state/suspects.h"

#include <algorithm>

namespace buzon::state {
namespace {

std::string_view address_in(const Event& event) noexcept {
    for (const EventField& field : event.fields)
        if (field.key == "ip") return field.text;
    return {};
}

} // namespace

void Suspects::write(const Event& event) {
    const std::string_view address = address_in(event);
    if (event.type == EventType::auth_fail) {
        for (Suspect& one : all_) {
            if (one.who != (one.is_user ? event.user : address)) continue;
            ++one.failures;
            one.last = event.when;
        }
        return;
    }
    if (event.type != EventType::guessing) return;
    const bool is_user = address.empty();
    const std::string_view who = is_user ? event.user : address;
    std::erase_if(all_, [&](const Suspect& one) {
        return !one.active(event.when) || (one.is_user == is_user && one.who == who);
    });
    if (all_.size() == max) all_.pop_front();
    all_.push_back({is_user, std::string{who}, event.when, event.when, 0});
}

std::vector<std::string> Suspects::read(Time now) const {
    std::vector<std::string> lines;
    for (const Suspect& one : all_) {
        if (!one.active(now)) continue;
        std::string& line = lines.emplace_back();
        append_time(one.found, line);
        line.append(" guessing ").append(one.is_user ? "user=" : "ip=");
        append_value(one.who, line);
        line.append(" failures=").append(std::to_string(one.failures)).append(" last=");
        append_time(one.last, line);
    }
    return lines;
}

std::size_t Suspects::count(Time now) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(all_.begin(), all_.end(), [now](const Suspect& one) { return one.active(now); }));
}

} // namespace buzon::state
