#include "buzon/mail/filtered_octets.h"

#include <algorithm>
#include <bit>

namespace buzon::mail {
namespace {

constexpr std::uint32_t no_entry = ~std::uint32_t{0};

} // namespace

FilteredMatch::FilteredMatch(const Snapshot& snapshot, std::span<const FilteredMessage> messages, std::string_view key)
    : snapshot_{snapshot}
    , messages_{messages}
    , slots_(std::bit_ceil(2 * messages.size() + 1), no_entry)
    , entries_left_{messages.size()}
    , next_{messages.empty() ? snapshot.count() : 0}
    , made_{std::make_shared<FilteredOctets>()} {
    made_->total_ = snapshot.total_octets();
    made_->key_ = key;
}

std::size_t FilteredMatch::place_of(std::uint64_t inode) const noexcept {
    return static_cast<std::size_t>((inode * 0x9E3779B97F4A7C15) >> 20) & (slots_.size() - 1);
}

void FilteredMatch::note(std::uint32_t entry) {
    const std::uint64_t inode = messages_[entry].inode;
    std::size_t at = place_of(inode);
    while (slots_[at] != no_entry && messages_[slots_[at]].inode != inode) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at] == no_entry) slots_[at] = entry;
}

const FilteredMessage* FilteredMatch::find(std::uint64_t inode) const noexcept {
    for (std::size_t at = place_of(inode); slots_[at] != no_entry; at = (at + 1) & (slots_.size() - 1))
        if (messages_[slots_[at]].inode == inode) return &messages_[slots_[at]];
    return nullptr;
}

bool FilteredMatch::go_on(std::size_t steps) {
    // Backwards: the last one about a message stays.
    for (; steps > 0 && entries_left_ > 0; --steps) note(static_cast<std::uint32_t>(--entries_left_));
    for (; steps > 0 && next_ < snapshot_.count(); --steps, ++next_) {
        const FilteredMessage* const known = find(snapshot_.inode(next_));
        if (!known || known->stored_size != snapshot_.stored_size(next_) ||
            known->mtime_ns != snapshot_.mtime_ns(next_))
            continue;
        made_->known_.push_back({next_, known->octets});
        made_->total_ += known->octets - snapshot_.octets(next_); // modulo 2^64, as the sum is
    }
    return entries_left_ > 0 || next_ < snapshot_.count();
}

std::shared_ptr<const FilteredOctets> FilteredMatch::result() {
    if (made_->known_.empty()) return nullptr;
    made_->known_.shrink_to_fit();
    return std::move(made_);
}

std::shared_ptr<const FilteredOctets>
FilteredOctets::of(const Snapshot& snapshot, std::span<const FilteredMessage> messages, std::string_view key) {
    FilteredMatch match{snapshot, messages, key};
    while (match.go_on(messages.size() + snapshot.count())) {
    }
    return match.result();
}

std::optional<std::uint64_t> FilteredOctets::octets(std::uint32_t index) const noexcept {
    const auto found = std::lower_bound(known_.begin(), known_.end(), index,
                                        [](const One& one, std::uint32_t wanted) { return one.index < wanted; });
    if (found == known_.end() || found->index != index) return std::nullopt;
    return found->octets;
}

} // namespace buzon::mail
