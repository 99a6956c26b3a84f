// login/refusals.h - the one way in which a connection or a login that was turned away is told: an event, which is a
// log line and where a user is known a line of WHYY, and a counter.
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
    std::uint64_t session = 0;    // 0: it never became one
    std::string_view user = {};   // as far as the client has said
    std::string_view method = {}; // "PASS", "PLAIN", ...
    std::string_view why = {};    // what else there is to tell; for a person
};
void tell_refusal(state::Metrics& metrics, state::EventBus& events, const TurnedAway& what);

} // namespace buzon::login
