#include "found.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "buzon/message/large.h"

namespace buzon::maildir {
namespace {

// No entry of an honest index is this far from its place (the probability is one in 10^15 for a million entries); an
// index made to cost time may have only such entries.
constexpr std::size_t farthest = 256;

// At most half full, so that a search ends soon.
std::size_t slots_for(std::size_t entries) {
    return std::bit_ceil(std::max<std::size_t>(entries * 2, 16));
}

// Hashes the name, too: many names of one file (a store that keeps every message once) must not form one long run.
std::uint64_t hash_of(std::uint64_t inode, std::string_view base) noexcept {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;
    return (inode * odd ^ std::hash<std::string_view>{}(base)) * odd;
}
std::size_t place_of(std::uint64_t hash) noexcept {
    return static_cast<std::size_t>(hash >> 24);
}
std::uint32_t part_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash);
}

} // namespace

void Found::take_identity(const struct stat& about) noexcept {
    inode = about.st_ino;
    stored_size = static_cast<std::uint64_t>(about.st_size);
    mtime_ns = message::nanoseconds(about.st_mtim);
}

KnownFiles::KnownFiles(std::shared_ptr<const message::Snapshot> index) : index_{std::move(index)} {
    if (!index_) return;
    message::reserve_all(slots_, slots_for(index_->count()));
    slots_.resize(slots_for(index_->count()));
    for (std::uint32_t i = 0; i < index_->count(); ++i) {
        const std::uint64_t hash = hash_of(index_->inode(i), index_->base_name(i));
        std::size_t at = place_of(hash);
        while (slots_[at & (slots_.size() - 1)].entry != 0 && at != place_of(hash) + farthest) ++at;
        if (at == place_of(hash) + farthest) { // the index is worthless
            slots_.clear();
            return;
        }
        slots_[at & (slots_.size() - 1)] = {part_of(hash), i + 1};
    }
}

std::optional<std::uint32_t> KnownFiles::entry(const Found& file) const {
    if (slots_.empty()) return std::nullopt;
    const std::uint64_t hash = hash_of(file.inode, file.base());
    for (std::size_t at = place_of(hash); at != place_of(hash) + farthest; ++at) {
        const Slot slot = slots_[at & (slots_.size() - 1)];
        if (slot.entry == 0) break;
        const std::uint32_t i = slot.entry - 1;
        if (slot.part == part_of(hash) && index_->inode(i) == file.inode && index_->base_name(i) == file.base())
            return i;
    }
    return std::nullopt;
}

void KnownFiles::recognise(Found& file) const {
    const std::optional<std::uint32_t> i = entry(file);
    if (!i) return;
    file.last_uidl = index_->uidl(*i); // kept even if the content has changed
    file.last_rank = *i;
    if (index_->stored_size(*i) == file.stored_size && index_->mtime_ns(*i) == file.mtime_ns) take_measures(*i, file);
}

bool KnownFiles::recognise_by_name(Found& file) const {
    const std::optional<std::uint32_t> i = entry(file);
    if (!i || !index_->measured(*i)) return false;
    file.last_uidl = index_->uidl(*i);
    file.last_rank = *i;
    file.stored_size = index_->stored_size(*i);
    file.mtime_ns = index_->mtime_ns(*i);
    take_measures(*i, file);
    return true;
}

void KnownFiles::take_measures(std::uint32_t i, Found& file) const {
    file.octets = index_->octets(i);
    file.wire_form = index_->wire_form(i);
    file.measured = index_->measured(i);
}

} // namespace buzon::maildir
