// server/status_line.h - what the server is doing, in one line for `systemctl status`.
#pragma once

#include <string>

#include "buzon/event/timers.h"
#include "buzon/state/metrics.h"

namespace buzon::server {

class StatusLine {
public:
    explicit StatusLine(const state::Metrics& metrics) : metrics_{metrics} {}
    // Rates are averages since the last call.
    [[nodiscard]] std::string text(event::Instant now);

private:
    const state::Metrics& metrics_;
    event::Instant at_{};
    state::Count logins_ = 0, messages_ = 0; // at the last call
};

} // namespace buzon::server
