#include "buzon/auth/guessers.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace buzon::auth {
namespace {

constexpr std::size_t slots_of_a_set = 8;
constexpr std::uint32_t day = 24 * 60 * 60;

std::size_t set_of(std::uint64_t tag, std::size_t size) noexcept {
    return tag % (size / slots_of_a_set) * slots_of_a_set;
}

} // namespace

Guessers::Guessers(std::size_t size)
    : sources_(std::bit_ceil(std::max(size, slots_of_a_set))), users_(sources_.size()) {}

const Guessers::Slot* Guessers::find(const Table& table, std::uint64_t tag) noexcept {
    const Slot* const set = table.data() + set_of(tag, table.size());
    const Slot* const slot = std::find_if(set, set + slots_of_a_set, [tag](const Slot& s) { return s.tag == tag; });
    return slot == set + slots_of_a_set ? nullptr : slot;
}

bool Guessers::is_active(const Slot& slot, std::uint32_t now) noexcept {
    return slot.told && now - slot.last < day;
}

// Whether this failure reaches the limit and has not been reported yet.
bool Guessers::note(Table& table, std::uint64_t tag, std::uint64_t other, std::uint32_t now) noexcept {
    Slot* const set = table.data() + set_of(tag, table.size());
    Slot* slot = std::find_if(set, set + slots_of_a_set, [tag](const Slot& s) { return s.tag == tag; });
    if (slot == set + slots_of_a_set) {
        // Replace the slot that is worth least: a free one, or one not seen for a day, or one with few others.
        slot = std::min_element(set, set + slots_of_a_set, [now](const Slot& a, const Slot& b) {
            const auto worth = [now](const Slot& s) {
                return std::tuple{s.tag != 0, s.tag != 0 && now - s.last < day, s.count, s.last};
            };
            return worth(a) < worth(b);
        });
        *slot = Slot{tag, now, now, 0, false, {}};
    }
    // Each day starts from zero. Guessing that goes on is not reported again.
    if (now - slot->last >= day) slot->told = false;
    if (now - slot->first >= day) {
        slot->first = now;
        slot->count = 0;
    }
    slot->last = now;
    const auto short_of_other = static_cast<std::uint32_t>(other >> 32 | 1);
    const auto known = slot->others.begin() + slot->count;
    if (slot->count < enough && std::find(slot->others.begin(), known, short_of_other) == known)
        slot->others[slot->count++] = short_of_other;
    if (slot->count < enough || slot->told) return false;
    return slot->told = true;
}

Guessers::Found Guessers::failed(std::uint64_t source, std::uint64_t user, std::uint32_t now) noexcept {
    if (source == 0) return {};
    return {note(sources_, source, user, now), note(users_, user, source, now)};
}

bool Guessers::guessing(std::uint64_t source, std::uint64_t user, std::uint32_t now) const noexcept {
    const Slot* const one = source == 0 ? nullptr : find(sources_, source);
    const Slot* const other = find(users_, user);
    return (one && is_active(*one, now)) || (other && is_active(*other, now));
}

std::size_t Guessers::count(std::uint32_t now) const noexcept {
    const auto active = [now](const Slot& slot) { return is_active(slot, now); };
    return static_cast<std::size_t>(std::count_if(sources_.begin(), sources_.end(), active) +
                                    std::count_if(users_.begin(), users_.end(), active));
}

} // namespace buzon::auth
