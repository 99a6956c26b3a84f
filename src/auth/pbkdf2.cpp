#include "pbkdf2.h"

#include "hmac.h"

namespace buzon::auth {
namespace {

// F of RFC 8018: the exclusive or of a chain of keyed digests.
Sha256::Digest chain(const Hmac<Sha256>& keyed, std::string_view salt, std::uint32_t block, std::uint32_t iterations) {
    const std::array<unsigned char, 4> number{
        static_cast<unsigned char>(block >> 24), static_cast<unsigned char>(block >> 16 & 0xff),
        static_cast<unsigned char>(block >> 8 & 0xff), static_cast<unsigned char>(block & 0xff)};
    Hmac<Sha256> first = keyed;
    first.update(salt);
    first.update(octets(number));
    Sha256::Digest link = first.finish();
    Sha256::Digest sum = link;
    for (std::uint32_t i = 1; i < iterations; ++i) {
        Hmac<Sha256> next = keyed;
        next.update(octets(link));
        link = next.finish();
        for (std::size_t at = 0; at < sum.size(); ++at) sum[at] ^= link[at];
    }
    wipe(link.data(), link.size());
    return sum;
}

} // namespace

std::string pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations,
                          std::size_t key_octets) {
    const Hmac<Sha256> keyed{password};
    std::string key;
    key.reserve(key_octets + Sha256::digest_octets);
    for (std::uint32_t block = 1; key.size() < key_octets; ++block) {
        key += octets(chain(keyed, salt, block, iterations));
    }
    key.resize(key_octets);
    return key;
}

} // namespace buzon::auth
