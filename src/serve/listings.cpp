#include "buzon/serve/listings.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "buzon/posix/io.h"

namespace buzon::serve {
namespace {

constexpr std::size_t max_part = 1024 * 1024; // pages are passed by reference: at most half a millisecond

} // namespace

std::shared_ptr<const Listings::Text> Listings::find(const Snapshot& of, pop3::Listing what) {
    const auto found = std::find_if(kept_.begin(), kept_.end(),
                                    [&](const Kept& one) { return one.what == what && one.of.lock() == of; });
    if (found == kept_.end()) return nullptr;
    std::rotate(found, found + 1, kept_.end());
    return kept_.back().text;
}

void Listings::keep(const Snapshot& of, pop3::Listing what, Text text) {
    for (auto at = kept_.begin(); at != kept_.end();) {
        const Snapshot kept = at->of.lock(); // null: the maildrop has changed since
        if (!kept || (kept == of && at->what == what))
            forget(at);
        else
            ++at;
    }
    while (!kept_.empty() && (kept_.size() >= max_kept || octets_ + text.octets > max_octets)) forget(kept_.begin());
    octets_ += text.octets;
    kept_.push_back({of, what, std::make_shared<const Text>(std::move(text))});
}

bool Listings::reserve(std::size_t octets) noexcept {
    if (recorded_ + octets > max_recorded) return false;
    recorded_ += octets;
    return true;
}

void Listings::forget(std::vector<Kept>::iterator which) {
    octets_ -= which->text->octets;
    kept_.erase(which);
}

ListingRun::ListingRun(Listings& listings, Listings::Snapshot of, pop3::Listing what)
    : listings_{listings}, of_{std::move(of)}, what_{what}, known_{listings.find(of_, what)} {
    if (!known_) recorded_.file.reset(::memfd_create("buzon-listing", MFD_CLOEXEC));
}

std::optional<net::FilePart> ListingRun::part() const {
    if (!known_) return std::nullopt;
    return net::FilePart{known_->file.get(), sent_,
                         static_cast<std::size_t>(std::min<std::uint64_t>(max_part, known_->octets - sent_))};
}

void ListingRun::produced(std::string_view text) {
    if (!recorded_.file) return;
    if (!listings_.reserve(text.size())) return stop_recording();
    recorded_.octets += text.size();
    if (posix::write_all(recorded_.file.get(), text)) stop_recording();
}

void ListingRun::finished() {
    if (!recorded_.file) return;
    listings_.give_back(recorded_.octets);
    listings_.keep(of_, what_, {std::move(recorded_.file), std::exchange(recorded_.octets, 0)});
}

void ListingRun::stop_recording() noexcept {
    listings_.give_back(std::exchange(recorded_.octets, 0));
    recorded_.file.reset();
}

} // namespace buzon::serve
