#include "buzon/digest/pbkdf2.h"

#include "buzon/digest/hmac.h"
#include "buzon/digest/sha1.h"

namespace buzon::digest {
namespace {

// F of RFC 8018: the XOR of a chain of keyed digests.
template <class Hash>
typename Hash::Digest chain(const Hmac<Hash>& keyed, std::string_view salt, std::uint32_t block,
                            std::uint32_t iterations) {
    const std::array<unsigned char, 4> number{
        static_cast<unsigned char>(block >> 24), static_cast<unsigned char>(block >> 16 & 0xff),
        static_cast<unsigned char>(block >> 8 & 0xff), static_cast<unsigned char>(block & 0xff)};
    Hmac<Hash> first = keyed;
    first.update(salt);
    first.update(octets(number));
    typename Hash::Digest link = first.finish();
    typename Hash::Digest sum = link;
    for (std::uint32_t i = 1; i < iterations; ++i) {
        Hmac<Hash> next = keyed;
        next.update(octets(link));
        link = next.finish();
        for (std::size_t at = 0; at < sum.size(); ++at) sum[at] ^= link[at];
    }
    wipe(link.data(), link.size());
    return sum;
}

template <class Hash>
std::string pbkdf2(std::string_view password, std::string_view salt, std::uint32_t iterations, std::size_t key_octets) {
    const Hmac<Hash> keyed{password};
    std::string key;
    key.reserve(key_octets + Hash::digest_octets);
    for (std::uint32_t block = 1; key.size() < key_octets; ++block) {
        key += octets(chain(keyed, salt, block, iterations));
    }
    key.resize(key_octets);
    return key;
}

} // namespace

std::string pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations,
                          std::size_t key_octets) {
    return pbkdf2<Sha256>(password, salt, iterations, key_octets);
}

std::string pbkdf2_sha1(std::string_view password, std::string_view salt, std::uint32_t iterations,
                        std::size_t key_octets) {
    return pbkdf2<Sha1>(password, salt, iterations, key_octets);
}

} // namespace buzon::digest
