#include "buzon/mail/filtered_octets.h"

#include <algorithm>
#include <bit>

namespace buzon::mail {
namespace {

// From a message to its entry, by inode: small, and with nothing to follow but one array.
class ByInode {
public:
    explicit ByInode(std::span<const FilteredMessage> messages)
        : messages_{messages}
        , slots_(std::bit_ceil(2 * messages.size() + 1), none)
        , mask_{slots_.size() - 1} {
        for (std::size_t i = messages.size(); i-- > 0;) {   // backwards: the last one about a message stays
            std::size_t at = place_of(messages[i].inode);
            while (slots_[at] != none && messages[slots_[at]].inode != messages[i].inode) at = (at + 1) & mask_;
            if (slots_[at] == none) slots_[at] = static_cast<std::uint32_t>(i);
        }
    }

    [[nodiscard]] const FilteredMessage* find(std::uint64_t inode) const noexcept {
        for (std::size_t at = place_of(inode); slots_[at] != none; at = (at + 1) & mask_)
            if (messages_[slots_[at]].inode == inode) return &messages_[slots_[at]];
        return nullptr;
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    [[nodiscard]] std::size_t place_of(std::uint64_t inode) const noexcept {
        return static_cast<std::size_t>((inode * 0x9E3779B97F4A7C15) >> 20) & mask_;
    }

    std::span<const FilteredMessage> messages_;
    std::vector<std::uint32_t> slots_;
    std::size_t mask_;
};

} // namespace

std::shared_ptr<const FilteredOctets> FilteredOctets::of(const Snapshot& snapshot,
                                                         std::span<const FilteredMessage> messages,
                                                         std::string_view key) {
    if (messages.empty()) return nullptr;
    const ByInode by_inode{messages};
    auto made = std::make_shared<FilteredOctets>();
    made->total_ = snapshot.total_octets();
    for (std::uint32_t i = 0; i < snapshot.count(); ++i) {
        const FilteredMessage* const known = by_inode.find(snapshot.inode(i));
        if (!known || known->stored_size != snapshot.stored_size(i) || known->mtime_ns != snapshot.mtime_ns(i)) continue;
        made->known_.push_back({i, known->octets});
        made->total_ += known->octets - snapshot.octets(i);   // modulo 2^64, as the sum is
    }
    if (made->known_.empty()) return nullptr;
    made->known_.shrink_to_fit();
    made->key_ = key;
    return made;
}

std::optional<std::uint64_t> FilteredOctets::octets(std::uint32_t index) const noexcept {
    const auto found = std::lower_bound(known_.begin(), known_.end(), index,
                                        [](const One& one, std::uint32_t wanted) { return one.index < wanted; });
    if (found == known_.end() || found->index != index) return std::nullopt;
    return found->octets;
}

} // namespace buzon::mail
