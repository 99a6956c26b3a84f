// login/refusals.h - reports a refused connection or login: as an event (a log line and, if the user is known, a line
// of WHYY) and in a counter.
#pragma once

#include <cstdint>
#include <string_view>

#include "buzon/net/address.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"

namespace buzon::login {

struct TurnedAway {
    state::Refused reason;
    const net::Ip& ip;
    std::uint64_t session = 0;    // 0: no session was created
    std::string_view user = {};   // if the client has named one
    std::string_view method = {}; // "PASS", "PLAIN", ...
    std::string_view why = {};    // further details, for a person
};
void tell_refusal(state::Metrics& metrics, state::EventBus& events, const TurnedAway& what);

} // namespace buzon::login
