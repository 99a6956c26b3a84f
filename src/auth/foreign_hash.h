// auth/foreign_hash.h - password hashes in Dovecot's other schemes, stored by other servers: read and verified, never
// made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

enum class HashKind : std::uint8_t { md5, sha1, sha256, sha512 };
[[nodiscard]] std::size_t octets_of(HashKind kind) noexcept;

// SHA, SSHA and the like: one round over the password, followed by a salt if there is one.
struct SaltedDigest {
    HashKind kind;
    std::string digest;
    std::string salt; // empty: none

    // `octets`: decoded: the digest, followed by the salt.
    [[nodiscard]] static Parsed<SaltedDigest> from(HashKind kind, bool salted, std::string octets);
    [[nodiscard]] bool matches(std::string_view password) const;
};

// PBKDF2 and SCRAM-SHA-1, both with HMAC-SHA-1.
struct SlowSha1 {
    std::uint32_t iterations;
    std::string salt;
    std::string key; // 20 octets: the derived key, or SCRAM's stored key
    bool scram = false;

    // `$1$SALT$ROUNDS$HEX`, and `iterations,salt,storedkey,serverkey` with the last three in base64.
    [[nodiscard]] static Parsed<SlowSha1> from_pbkdf2(std::string_view text);
    [[nodiscard]] static Parsed<SlowSha1> from_scram(std::string_view text);
    [[nodiscard]] bool matches(std::string_view password) const;
    // A secret with its {SCHEME} that is as slow and that no password matches.
    [[nodiscard]] std::string decoy() const;
};

} // namespace buzon::auth
