#include "buzon/message/maildrop.h"

#include <bit>
#include <utility>

namespace buzon::message {
namespace {

constexpr std::uint32_t word_bits = 64;

std::uint64_t bit_of(std::uint32_t index) noexcept {
    return std::uint64_t{1} << (index % word_bits);
}

} // namespace

const Maildrop::Own Maildrop::nothing;

Maildrop::Own& Maildrop::make_own() {
    if (!own_) own_ = std::make_unique<Own>();
    return *own_;
}

bool Maildrop::marked(const Bits& bits, MessageNumber number) noexcept {
    return bits && (bits[index(number) / word_bits] & bit_of(index(number))) != 0;
}

Maildrop::Bits& Maildrop::ready(Bits& bits) const {
    if (!bits) bits = std::make_unique<std::uint64_t[]>((std::size_t{count()} + word_bits - 1) / word_bits);
    return bits;
}

bool Maildrop::exists(MessageNumber number) const noexcept {
    return index(number) < count(); // number 0 wraps around to the largest index, which no message has
}

bool Maildrop::deleted(MessageNumber number) const noexcept {
    return marked(own().deleted, number);
}

void Maildrop::mark_deleted(MessageNumber number) {
    if (deleted(number)) return;
    Own& mine = make_own();
    ready(mine.deleted)[index(number) / word_bits] |= bit_of(index(number));
    ++mine.deleted_count;
    mine.deleted_octets += octets(number);
    if (retrieved_in_new(number)) ++mine.deleted_of_those;
}

void Maildrop::reset() {
    if (!own_) return;
    own_->deleted.reset();
    own_->deleted_count = 0;
    own_->deleted_octets = 0;
    own_->deleted_of_those = 0;
}

bool Maildrop::retrieved(MessageNumber number) const noexcept {
    return marked(own().retrieved, number);
}

void Maildrop::mark_retrieved(MessageNumber number) {
    if (retrieved(number)) return;
    Own& mine = make_own();
    ready(mine.retrieved)[index(number) / word_bits] |= bit_of(index(number));
    if (!snapshot_->in_new(index(number))) return;
    ++mine.retrieved_in_new;
    if (deleted(number)) ++mine.deleted_of_those;
}

bool Maildrop::retrieved_in_new(MessageNumber number) const noexcept {
    return retrieved(number) && snapshot_->in_new(index(number));
}

template <class Word>
std::optional<MessageNumber> Maildrop::next(MessageNumber after, Word word) const noexcept {
    // `after` is also the index of the first candidate, since numbers begin at 1. Words without a set bit are skipped.
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
    const Bits& deleted = own().deleted;
    return next(after, [&](std::size_t at) { return deleted ? ~deleted[at] : ~std::uint64_t{0}; });
}

std::optional<MessageNumber> Maildrop::next_marked(MessageNumber after) const noexcept {
    const Bits& deleted = own().deleted;
    const Bits& retrieved = own().retrieved;
    if (!deleted && !retrieved) return std::nullopt;
    return next(after, [&](std::size_t at) { return (deleted ? deleted[at] : 0) | (retrieved ? retrieved[at] : 0); });
}

} // namespace buzon::message
