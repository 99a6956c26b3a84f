#include "buzon/serve/kept_results.h"

#include <utility>

#include "buzon/event/memory.h"

namespace buzon::serve {

void KeptResults::set_limit(std::size_t octets) {
    limit_ = octets;
    make_room();
}

const KeptResults::Result* KeptResults::find(std::uint64_t session, std::uint32_t index, std::string_view spec) {
    const auto place = places_.find({session, index});
    if (place == places_.end() || place->second->spec != spec) return nullptr;
    results_.splice(results_.begin(), results_, place->second);
    return &*place->second;
}

void KeptResults::keep(Result result) {
    if (cost_of(result) > limit_) return;
    if (const auto before = places_.find({result.session, result.index}); before != places_.end()) drop(before);
    results_.push_front(std::move(result));
    event::guarded(
        [this] {
            places_[{results_.front().session, results_.front().index}] = results_.begin();
            octets_ += cost_of(results_.front());
        },
        [this] { results_.pop_front(); });
    make_room();
}

void KeptResults::forget(std::uint64_t session) {
    auto place = places_.lower_bound({session, 0});
    while (place != places_.end() && place->first.first == session) place = drop(place);
}

void KeptResults::make_room() {
    while (octets_ > limit_) drop(places_.find({results_.back().session, results_.back().index}));
}

KeptResults::Places::iterator KeptResults::drop(Places::iterator place) {
    octets_ -= cost_of(*place->second);
    results_.erase(place->second);
    return places_.erase(place);
}

} // namespace buzon::serve
