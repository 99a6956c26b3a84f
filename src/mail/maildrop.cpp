#include "buzon/mail/maildrop.h"

#include <bit>
#include <utility>

namespace buzon::mail {
namespace {

constexpr std::uint32_t word_bits = 64;

std::uint64_t bit_of(std::uint32_t index) noexcept {
    return std::uint64_t{1} << (index % word_bits);
}

} // namespace

Maildrop::Maildrop(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const FilteredOctets> filtered)
    : snapshot_{std::move(snapshot)}, filtered_{std::move(filtered)} {}

bool Maildrop::marked(const Marks& marks, MessageNumber number) noexcept {
    return marks && (marks[index(number) / word_bits] & bit_of(index(number))) != 0;
}

Maildrop::Marks& Maildrop::ready(Marks& marks) const {
    if (!marks) marks = std::make_unique<std::uint64_t[]>((std::size_t{count()} + word_bits - 1) / word_bits);
    return marks;
}

bool Maildrop::exists(MessageNumber number) const noexcept {
    return index(number) < count();   // number 0 wraps round to the largest index there is, which no message has
}

bool Maildrop::deleted(MessageNumber number) const noexcept {
    return marked(deleted_, number);
}

void Maildrop::mark_deleted(MessageNumber number) {
    if (deleted(number)) return;
    ready(deleted_)[index(number) / word_bits] |= bit_of(index(number));
    ++deleted_count_;
    deleted_octets_ += octets(number);
    if (retrieved_in_new(number)) ++deleted_of_those_;
}

void Maildrop::unmark_deleted(MessageNumber number) {
    if (!deleted(number)) return;
    deleted_[index(number) / word_bits] &= ~bit_of(index(number));
    --deleted_count_;
    deleted_octets_ -= octets(number);
    if (retrieved_in_new(number)) --deleted_of_those_;
}

void Maildrop::reset() {
    deleted_.reset();
    deleted_count_ = 0;
    deleted_octets_ = 0;
    deleted_of_those_ = 0;
}

bool Maildrop::retrieved(MessageNumber number) const noexcept {
    return marked(retrieved_, number);
}

void Maildrop::mark_retrieved(MessageNumber number) {
    if (retrieved(number)) return;
    ready(retrieved_)[index(number) / word_bits] |= bit_of(index(number));
    if (!snapshot_->in_new(index(number))) return;
    ++retrieved_in_new_;
    if (deleted(number)) ++deleted_of_those_;
}

bool Maildrop::retrieved_in_new(MessageNumber number) const noexcept {
    return retrieved(number) && snapshot_->in_new(index(number));
}

template <class Word>
std::optional<MessageNumber> Maildrop::next(MessageNumber after, Word word) const noexcept {
    // The index of the first candidate is the number of the one before it. Words without a candidate are skipped whole.
    for (std::uint64_t at = static_cast<std::uint32_t>(after); at < count(); at = (at / word_bits + 1) * word_bits) {
        const std::uint64_t found = word(at / word_bits) & (~std::uint64_t{0} << (at % word_bits));
        if (found == 0) continue;
        const std::uint64_t first = at / word_bits * word_bits + static_cast<unsigned>(std::countr_zero(found));
        if (first >= count()) break;
        return MessageNumber{static_cast<std::uint32_t>(first + 1)};
    }
    return std::nullopt;
}

std::optional<MessageNumber> Maildrop::next_live(MessageNumber after) const noexcept {
    return next(after, [this](std::size_t at) { return deleted_ ? ~deleted_[at] : ~std::uint64_t{0}; });
}

std::optional<MessageNumber> Maildrop::next_marked(MessageNumber after) const noexcept {
    if (!deleted_ && !retrieved_) return std::nullopt;
    return next(after, [this](std::size_t at) { return (deleted_ ? deleted_[at] : 0) | (retrieved_ ? retrieved_[at] : 0); });
}

} // namespace buzon::mail
