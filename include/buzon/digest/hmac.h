// digest/hmac.h - keyed digests (RFC 2104) over any of our hashes.
#pragma once

#include <array>
#include <string_view>

#include "buzon/digest/md5.h"
#include "buzon/digest/octets.h"
#include "buzon/digest/sha2.h"

namespace buzon::digest {

// A keyed hash, ready for one message. A copy made before update() can be used for another message with the same
// key, without hashing the key again; PBKDF2 depends on that.
template <class Hash>
class Hmac {
public:
    using Digest = typename Hash::Digest;

    explicit Hmac(std::string_view key) noexcept {
        Digest short_key;
        if (key.size() > Hash::block_octets) {
            Hash hash;
            hash.update(key);
            short_key = hash.finish();
            key = octets(short_key);
        }
        std::array<unsigned char, Hash::block_octets> pad{};
        for (std::size_t i = 0; i < pad.size(); ++i) pad[i] = key_octet(key, i) ^ 0x36;
        inner_.update(octets(pad));
        for (std::size_t i = 0; i < pad.size(); ++i) pad[i] = key_octet(key, i) ^ 0x5c;
        outer_.update(octets(pad));
        wipe(pad.data(), pad.size());
    }

    void update(std::string_view message) noexcept { inner_.update(message); }

    [[nodiscard]] Digest finish() noexcept {
        const Digest inner = inner_.finish();
        outer_.update(octets(inner));
        return outer_.finish();
    }

private:
    static unsigned char key_octet(std::string_view key, std::size_t i) noexcept {
        return i < key.size() ? static_cast<unsigned char>(key[i]) : static_cast<unsigned char>(0);
    }

    Hash inner_;
    Hash outer_;
};

[[nodiscard]] inline Sha256::Digest hmac_sha256(std::string_view key, std::string_view message) noexcept {
    Hmac<Sha256> keyed{key};
    keyed.update(message);
    return keyed.finish();
}

[[nodiscard]] inline Md5::Digest hmac_md5(std::string_view key, std::string_view message) noexcept {
    Hmac<Md5> keyed{key};
    keyed.update(message);
    return keyed.finish();
}

} // namespace buzon::digest
