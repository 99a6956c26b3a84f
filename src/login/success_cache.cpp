#include "buzon/login/success_cache.h"

#include <algorithm>
#include <cstring>

#include "buzon/digest/hmac.h"

namespace buzon::login {
using namespace digest;
namespace {

constexpr std::size_t digests_in_a_set = 8;

// Prefixes the length, so that no two pairs have the same concatenation.
void update_with_length(Hmac<Sha256>& keyed, std::string_view part) {
    const std::uint64_t size = part.size();
    keyed.update({reinterpret_cast<const char*>(&size), sizeof size});
    keyed.update(part);
}

} // namespace

SuccessCache::SuccessCache(std::string key, std::chrono::seconds lifetime, std::size_t size)
    : key_{std::move(key)}
    , lifetime_{lifetime}
    , slots_((size + digests_in_a_set - 1) / digests_in_a_set * digests_in_a_set) {}

Sha256::Digest SuccessCache::digest_of(std::string_view user, std::uint64_t change, std::string_view password) const {
    Hmac<Sha256> keyed{key_};
    keyed.update({reinterpret_cast<const char*>(&epoch_), sizeof epoch_});
    update_with_length(keyed, user);
    keyed.update({reinterpret_cast<const char*>(&change), sizeof change});
    update_with_length(keyed, password);
    const Sha256::Digest digest = keyed.finish();
    wipe(&keyed, sizeof keyed);
    return digest;
}

std::size_t SuccessCache::set_of(const Sha256::Digest& digest) const noexcept {
    std::uint64_t number;
    std::memcpy(&number, digest.data(), sizeof number);
    return number % (slots_.size() / digests_in_a_set) * digests_in_a_set;
}

void SuccessCache::remember(std::string_view user, std::uint64_t change, std::string_view password, Time now) {
    if (slots_.empty() || lifetime_ <= std::chrono::seconds{0}) return;
    const Sha256::Digest digest = digest_of(user, change, password);
    Slot* const set = slots_.data() + set_of(digest);
    Slot* place =
        std::find_if(set, set + digests_in_a_set, [&digest](const Slot& slot) { return slot.digest == digest; });
    if (place == set + digests_in_a_set) {
        place = std::min_element(set, set + digests_in_a_set,
                                 [](const Slot& a, const Slot& b) { return a.expires < b.expires; });
    }
    *place = {digest, now + lifetime_};
}

bool SuccessCache::remembers(std::string_view user, std::uint64_t change, std::string_view password, Time now) const {
    if (slots_.empty()) return false;
    const Sha256::Digest digest = digest_of(user, change, password);
    const Slot* const set = slots_.data() + set_of(digest);
    return std::any_of(set, set + digests_in_a_set, [&digest, now](const Slot& slot) {
        return slot.expires > now && equal_in_constant_time(octets(slot.digest), octets(digest));
    });
}

void SuccessCache::set_lifetime(std::chrono::seconds lifetime) noexcept {
    if (lifetime == lifetime_) return;
    lifetime_ = lifetime;
    forget_all();
}

} // namespace buzon::login
