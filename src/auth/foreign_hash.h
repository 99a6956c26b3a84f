// auth/foreign_hash.h - passwords that other servers have hashed in ways of Dovecot's: read and verified, never made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

enum class HashKind : std::uint8_t { md5, sha1, sha256, sha512 };
[[nodiscard]] std::size_t octets_of(HashKind kind) noexcept;

// SHA, SSHA and the like: one round over the password and perhaps a salt behind it.
struct SaltedDigest {
    HashKind kind;
    std::string digest;
    std::string salt; // empty: none

    // `octets`: decoded; the digest, and behind it the salt.
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
    // With its {SCHEME}: as slow, and matches no password.
    [[nodiscard]] std::string decoy() const;
};

} // namespace buzon::auth
