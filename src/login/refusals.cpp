#include "buzon/login/refusals.h"

#include <array>

namespace buzon::login {

void tell_refusal(state::Metrics& metrics, state::EventBus& events, const TurnedAway& what) {
    metrics.count_refusal(what.reason);
    // For a wrong name or secret, `reason` is a phrase for people, as it has always been.
    const bool wrong = what.reason <= state::Refused::allow_nets;
    const auto type = wrong ? state::EventType::auth_fail : state::EventType::refused;
    if (!events.wants(type)) return;
    const std::string ip = what.ip.text();
    std::array<state::EventField, 4> fields = {state::EventField{"ip", ip}, {"", ""}, {"", ""}, {"", ""}};
    std::size_t count = 1;
    if (!what.method.empty()) fields[count++] = {"method", what.method};
    fields[count++] = {"reason", wrong && !what.why.empty() ? what.why : state::name_of(what.reason)};
    if (!wrong && !what.why.empty()) fields[count++] = {"why", what.why};
    events.publish(state::Event{type,
                                state::level_of(type),
                                std::chrono::system_clock::now(),
                                what.session,
                                what.user,
                                {},
                                std::span{fields}.first(count)});
}

} // namespace buzon::login
