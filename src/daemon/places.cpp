#include "buzon/daemon/places.h"

#include "buzon/auth/source.h"

namespace buzon::daemon {
namespace {

net::Ip source_of(const net::Ip& ip) {
    return net::Ip::from_bytes(auth::Source{ip.bytes()}.prefix().octets());
}

} // namespace

void Places::came(std::uint64_t id, const net::Ip& from) {
    Waiting& waiting = sources_[source_of(from)];
    if (!waiting.empty()) ranks_.erase(rank_of(waiting));
    waiting.insert(id);
    ranks_.insert(rank_of(waiting));
}

void Places::left(std::uint64_t id, const net::Ip& from) {
    const auto source = sources_.find(source_of(from));
    if (source == sources_.end() || !source->second.contains(id)) return;
    Waiting& waiting = source->second;
    ranks_.erase(rank_of(waiting));
    waiting.erase(id);
    if (waiting.empty())
        sources_.erase(source);
    else
        ranks_.insert(rank_of(waiting));
}

std::optional<std::uint64_t> Places::next_to_go() const noexcept {
    if (ranks_.empty()) return std::nullopt;
    return std::get<1>(*ranks_.begin());
}

} // namespace buzon::daemon
