#include "buzon/serve/places.h"

#include <new>
#include <utility>

#include "buzon/auth/source.h"
#include "buzon/event/memory.h"

namespace buzon::serve {
namespace {

net::Ip source_of(const net::Ip& ip) {
    return net::Ip::from_bytes(auth::Source{ip.bytes()}.prefix().octets());
}

} // namespace

void Places::came(std::uint64_t id, const net::Ip& from) {
    Waiting& waiting = sources_[source_of(from)];
    const bool first = waiting.empty();
    const Rank before = first ? Rank{} : rank_of(waiting);
    event::guarded(
        [&] {
            waiting.insert(id);
            if (first) ranks_.insert(rank_of(waiting));
        },
        [&] {
            waiting.erase(id);
            if (waiting.empty()) sources_.erase(source_of(from));
            throw std::bad_alloc{};
        });
    if (!first) change_rank(before, waiting);
}

void Places::left(std::uint64_t id, const net::Ip& from) noexcept {
    const auto source = sources_.find(source_of(from));
    if (source == sources_.end() || !source->second.contains(id)) return;
    Waiting& waiting = source->second;
    const Rank before = rank_of(waiting);
    waiting.erase(id);
    if (!waiting.empty()) return change_rank(before, waiting);
    ranks_.erase(before);
    sources_.erase(source);
}

void Places::change_rank(const Rank& before, const Waiting& waiting) noexcept {
    auto rank = ranks_.extract(before);
    rank.value() = rank_of(waiting);
    ranks_.insert(std::move(rank));
}

std::optional<std::uint64_t> Places::next_to_go() const noexcept {
    if (ranks_.empty()) return std::nullopt;
    return std::get<1>(*ranks_.begin());
}

} // namespace buzon::serve
