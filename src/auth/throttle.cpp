#include "buzon/auth/throttle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "buzon/digest/hmac.h"

namespace buzon::auth {
using namespace digest;
namespace {

// A table consists of sets of a few slots; a new entry in a full set replaces the slot that is worth least.
constexpr std::size_t slots_in_a_set = 8;
// The maximum beyond the free failures; limits how long it takes to forgive them.
constexpr unsigned max_levels = 20;

using Tick = std::chrono::duration<std::int64_t, std::ratio<1, 8>>; // 32 bits of them are 17 years
constexpr auto ticks_an_hour = static_cast<std::uint32_t>(Tick{std::chrono::hours{1}}.count());

std::size_t table_size(std::size_t wanted) {
    return std::bit_ceil(std::max(wanted, slots_in_a_set));
}

std::size_t first_of_set(std::uint64_t set, std::size_t slots) noexcept {
    return set % (slots / slots_in_a_set) * slots_in_a_set;
}

} // namespace

Throttle::Throttle(const ThrottleLimits& limits, std::string key, Time now)
    : limits_{limits}
    , key_{std::move(key)}
    , guessers_{limits.guessers}
    , start_{now}
    , sources_(table_size(limits.sources))
    , users_(table_size(limits.users))
    , wrong_secrets_(table_size(limits.wrong_secrets))
    , familiar_(table_size(limits.familiar_pairs)) {}

Throttle::Key Throttle::key_of(char kind, std::string_view user, const std::optional<Source>& source,
                               std::string_view secret) const {
    Hmac<Sha256> keyed{key_};
    keyed.update({&kind, 1});
    if (source) keyed.update(auth::octets(source->prefix().octets()));
    keyed.update(user); // of any length, so nothing follows it unless a NUL separates the two
    if (!secret.empty()) {
        constexpr char nul = '\0';
        keyed.update({&nul, 1});
        keyed.update(secret);
    }
    const Sha256::Digest digest = keyed.finish();
    if (!secret.empty()) wipe(&keyed, sizeof keyed);
    Key key;
    std::memcpy(&key.set, digest.data(), sizeof key.set);
    std::memcpy(&key.tag, digest.data() + sizeof key.set, sizeof key.tag);
    key.tag |= 1;
    return key;
}

Throttle::Key Throttle::familiar_key(const std::optional<Source>& source, std::string_view user) const {
    return {key_of('F', user, std::nullopt).set, key_of(source ? 'f' : 'l', user, source).tag};
}

std::uint32_t Throttle::ticks(Time now) const noexcept {
    return static_cast<std::uint32_t>(std::chrono::ceil<Tick>(now - start_).count());
}

unsigned Throttle::level_at(const Slot& slot, std::uint32_t now) const noexcept {
    const auto one_in =
        static_cast<std::uint32_t>(std::max<std::int64_t>(Tick{limits_.forgives_one_in}.count(), Tick::period::den));
    const std::uint32_t forgiven = (now - slot.since) / one_in;
    return slot.level > forgiven ? slot.level - forgiven : 0;
}

const Throttle::Slot* Throttle::find(const Table& table, Key key) const noexcept {
    const Slot* const set = table.data() + first_of_set(key.set, table.size());
    const Slot* const slot = std::find_if(set, set + slots_in_a_set, [key](const Slot& s) { return s.tag == key.tag; });
    return slot == set + slots_in_a_set ? nullptr : slot;
}

unsigned Throttle::level_of(const Table& table, Key key, std::uint32_t now) const noexcept {
    const Slot* const slot = find(table, key);
    return slot ? level_at(*slot, now) : 0;
}

bool Throttle::is_familiar(Key key, std::uint32_t now) const noexcept {
    const Slot* const slot = find(familiar_, key);
    return slot && now / ticks_an_hour - slot->login_hour < limits_.familiar_for.count();
}

std::chrono::seconds Throttle::delay(unsigned level, unsigned free) const noexcept {
    if (level < free || level == 0) return std::chrono::seconds{0};
    const unsigned doublings = std::min(level - free, max_levels);
    return std::min(limits_.first_delay * (1U << doublings), limits_.longest_delay);
}

Throttle::Held Throttle::held(const std::optional<Source>& source, std::string_view user, Time now) const {
    const std::uint32_t at = ticks(now);
    Held held;
    Count count;
    count.key_ = familiar_key(source, user);
    count.familiar_ = is_familiar(count.key_, at);
    if (!count.familiar_) {
        const Key of_user = key_of('u', user, std::nullopt);
        held.user = of_user.tag;
        held.alone = delay(level_of(users_, of_user, at), limits_.free_by_user);
        if (source) count.key_ = key_of('s', {}, source);
        if (delays() && guessers_.guessing(source ? count.key_.tag : 0, of_user.tag, seconds(now)))
            held.alone = limits_.longest_delay;
        if (!source) return held;
    }
    held.count = count;
    return held;
}

Throttle::Time Throttle::not_before(const std::optional<Source>& source, std::string_view user, Time now) const {
    const Held held = this->held(source, user, now);
    const auto in_line = held.count ? delay(level(*held.count, now), free(*held.count)) : std::chrono::seconds{0};
    return now + std::max(held.alone, in_line);
}

unsigned Throttle::level(const Count& count, Time now) const noexcept {
    return level_of(table_of(count), count.key_, ticks(now));
}

unsigned Throttle::free(const Count& count) const noexcept {
    return count.familiar_ ? limits_.free_by_familiar : limits_.free_by_source;
}

Throttle::Time Throttle::last(const Count& count) const noexcept {
    const Slot* const slot = find(table_of(count), count.key_);
    return slot ? start_ + Tick{slot->since} : Time::min() + std::chrono::hours{24 * 365};
}

void Throttle::count(Slot& slot, std::uint32_t now) const noexcept {
    const unsigned free = std::max({limits_.free_by_source, limits_.free_by_user, limits_.free_by_familiar});
    slot.level = static_cast<std::uint16_t>(std::min(level_at(slot, now) + 1, std::min(free, 1000U) + max_levels));
    slot.since = now;
}

// The slot of `key`. A new one replaces the slot least worth keeping: the oldest login, the fewest failures.
Throttle::Slot& Throttle::make_room(Table& table, Key key, std::uint32_t now) const noexcept {
    const auto worth = [this, now](const Slot& slot) {
        return std::tuple{slot.tag != 0, slot.login_hour, level_at(slot, now), slot.since};
    };
    Slot* const set = table.data() + first_of_set(key.set, table.size());
    Slot* least = set;
    for (Slot* slot = set; slot < set + slots_in_a_set; ++slot) {
        if (slot->tag == key.tag) return *slot;
        if (worth(*slot) < worth(*least)) least = slot;
    }
    *least = Slot{key.tag, now, 0, 0};
    return *least;
}

// Stores the secret if it is new.
bool Throttle::is_repeated(const std::optional<Source>& source, std::string_view user, std::string_view secret,
                           std::uint32_t now) {
    const Key key = key_of('w', user, source, secret);
    if (find(wrong_secrets_, key) != nullptr) return true;
    (void)make_room(wrong_secrets_, key, now);
    return false;
}

Guessers::Found Throttle::failed(const std::optional<Source>& source, std::string_view user, Time now,
                                 std::string_view secret) {
    const std::uint32_t at = ticks(now);
    if (!secret.empty() && is_repeated(source, user, secret, at)) return {};
    const Key pair = familiar_key(source, user);
    if (is_familiar(pair, at)) {
        count(make_room(familiar_, pair, at), at);
        return {};
    }
    const Key of_user = key_of('u', user, std::nullopt);
    count(make_room(users_, of_user, at), at);
    if (!source) return {};
    const Key of_source = key_of('s', {}, source);
    count(make_room(sources_, of_source, at), at);
    return guessers_.failed(of_source.tag, of_user.tag, seconds(now));
}

void Throttle::uncount(Table& table, Key key, std::uint32_t now) const noexcept {
    Slot* const set = table.data() + first_of_set(key.set, table.size());
    for (Slot* slot = set; slot < set + slots_in_a_set; ++slot) {
        if (slot->tag == key.tag && level_at(*slot, now) > 0) --slot->level;
    }
}

void Throttle::take_back(const std::optional<Source>& source, std::string_view user, Time now) {
    const std::uint32_t at = ticks(now);
    const Key pair = familiar_key(source, user);
    if (is_familiar(pair, at)) return uncount(familiar_, pair, at);
    uncount(users_, key_of('u', user, std::nullopt), at);
    if (source) uncount(sources_, key_of('s', {}, source), at);
}

void Throttle::succeeded(const std::optional<Source>& source, std::string_view user, Time now) {
    // The source's count stays: logging in to one's own account must not allow more guesses at other accounts.
    const std::uint32_t at = ticks(now);
    Slot& slot = make_room(familiar_, familiar_key(source, user), at);
    slot.since = at;
    slot.level = 0;
    slot.login_hour = static_cast<std::uint16_t>(at / ticks_an_hour);
}

} // namespace buzon::auth
