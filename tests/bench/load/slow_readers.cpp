// bench/load/slow_readers.cpp - clients that read slowly, which must not slow down the others (scenario.h).
#include "load/scenario.h"

namespace bench {

SlowReaders::SlowReaders(Crowd& crowd, const std::string& wire, std::uint64_t octets_a_second, Errors& errors)
    : crowd_{&crowd}, octets_a_second_{octets_a_second}, last_{Loop::now()}, errors_{&errors} {
    crowd.serve(*this);
    for (Connection& member : crowd.members()) {
        member.ask("RETR 1\r\n", {.body = wire});
        if (member.is_open()) member.look_away();
    }
}

void SlowReaders::read_some() {
    constexpr std::uint64_t interval = 50'000'000; // nanoseconds
    const std::uint64_t now = Loop::now();
    if (now - last_ < interval) return;
    last_ = now;
    const std::uint64_t share = octets_a_second_ * interval / 1'000'000'000U;
    for (Connection& member : crowd_->members()) member.receive(share);
}

void SlowReaders::answered(Connection&) {}

void SlowReaders::ended(Connection&, const std::string& trouble) {
    errors_->add("slow reader: " + trouble);
}

} // namespace bench
