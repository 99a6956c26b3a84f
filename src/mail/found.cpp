#include "found.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace buzon::mail {
namespace {

constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;

// At most half full, so a search ends soon.
std::size_t slots_for(std::size_t entries) {
    return std::bit_ceil(std::max<std::size_t>(entries * 2, 16));
}

} // namespace

void Found::take_identity(const struct stat& about) noexcept {
    inode = about.st_ino;
    stored_size = static_cast<std::uint64_t>(about.st_size);
    mtime_ns = nanoseconds(about.st_mtim);
}

bool delivered_before(const Found& a, const Found& b) noexcept {
    // new before cur: false sorts before true.
    return std::tuple{a.seconds, a.microseconds, a.base, !a.in_new, a.file_name} <
           std::tuple{b.seconds, b.microseconds, b.base, !b.in_new, b.file_name};
}

KnownFiles::KnownFiles(std::shared_ptr<const Snapshot> index) : index_{std::move(index)} {
    if (!index_) return;
    slots_.resize(slots_for(index_->count()));
    for (std::uint32_t i = 0; i < index_->count(); ++i) {
        std::size_t at = index_->inode(i) * odd >> 32;
        while (slots_[at & (slots_.size() - 1)] != 0) ++at;
        slots_[at & (slots_.size() - 1)] = i + 1;
    }
}

void KnownFiles::recognise(Found& file) const {
    if (slots_.empty()) return;
    for (std::size_t at = file.inode * odd >> 32;; ++at) {
        const std::uint32_t slot = slots_[at & (slots_.size() - 1)];
        if (slot == 0) return;
        const std::uint32_t i = slot - 1;
        if (index_->inode(i) != file.inode || index_->base_name(i) != file.base) continue;
        file.last_uidl = index_->uidl(i);   // it stays even when the content has changed
        if (index_->stored_size(i) != file.stored_size || index_->mtime_ns(i) != file.mtime_ns) return;
        file.octets = index_->octets(i);
        file.wire_form = index_->wire_form(i);
        file.measured = index_->measured(i);
        return;
    }
}

} // namespace buzon::mail
