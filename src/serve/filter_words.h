// serve/filter_words.h - how a failed transformation is counted, and what a program is told about a message.
#pragma once

#include <string>

#include "buzon/filter/outcome.h"
#include "buzon/filter/program.h"
#include "buzon/state/event.h"
#include "buzon/state/metrics.h"

namespace buzon::serve {

[[nodiscard]] inline state::FilterFailure failure_of(filter::Cause cause) {
    switch (cause) {
    case filter::Cause::cannot_start:
    case filter::Cause::no_descriptor: return state::FilterFailure::start;
    case filter::Cause::signal: return state::FilterFailure::signal;
    case filter::Cause::time_limit: return state::FilterFailure::timeout;
    case filter::Cause::answer: return state::FilterFailure::answer;
    case filter::Cause::protocol: return state::FilterFailure::protocol;
    case filter::Cause::system: return state::FilterFailure::io;
    default: return state::FilterFailure::exit;
    }
}

// What a long-running program ("process:") is told about a message.
[[nodiscard]] inline std::string about(const filter::Environment& environment) {
    std::string words = "user=";
    state::append_word(environment.user, words);
    state::append_word(environment.uidl, words += " uidl=");
    state::append_word(environment.client_ip, words += " ip=");
    return words;
}

} // namespace buzon::serve
