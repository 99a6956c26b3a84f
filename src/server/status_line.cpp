#include "status_line.h"

#include <chrono>
#include <cmath>
#include <ratio>
#include <utility>

namespace buzon::server {

std::string StatusLine::text(event::Instant now) {
    const bool first = at_ == event::Instant{};
    const double minutes = std::chrono::duration<double, std::ratio<60>>(now - std::exchange(at_, now)).count();
    const auto rate = [minutes](state::Count more) {
        return std::to_string(std::lround(static_cast<double>(more) / minutes));
    };
    const state::Count logins = metrics_.historic - std::exchange(logins_, metrics_.historic);
    const state::Count messages = metrics_.messages - std::exchange(messages_, metrics_.messages);
    std::string line = std::to_string(metrics_.connections_open) + " connections, " + std::to_string(metrics_.online) +
                       " users logged in";
    if (!first && minutes > 0) line += "; " + rate(logins) + " logins and " + rate(messages) + " messages a minute";
    return line;
}

} // namespace buzon::server
