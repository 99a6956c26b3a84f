// auth/scram_credentials.h - what a server keeps to check a SCRAM-SHA-256 login without knowing the password
// (RFC 5802 section 3, RFC 7677).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"
#include "buzon/auth/sha256.h"

namespace buzon::auth {

struct ScramCredentials {
    std::uint32_t iterations = 0;
    std::string salt; // octets, not base64
    Sha256::Digest stored_key{};
    Sha256::Digest server_key{};
};

// The least that RFC 7677 allows; the most is a bound on what one login may cost (about ten seconds).
inline constexpr std::uint32_t least_scram_iterations = 4096;
inline constexpr std::uint32_t most_scram_iterations = 10'000'000;

// Burns `iterations` rounds of PBKDF2: for a worker. The password is taken as it is, SASLprep is the caller's.
[[nodiscard]] ScramCredentials derive_scram(std::string_view password, std::string_view salt, std::uint32_t iterations);

// Dovecot's text form, `iterations,salt,storedkey,serverkey`, the last three in base64.
[[nodiscard]] Parsed<ScramCredentials> parse_scram_credentials(std::string_view text);
[[nodiscard]] std::string to_text(const ScramCredentials& credentials);

// The same salt for the same name as long as `server_secret` stays: for users whose salt is not on file, and for those
// who do not exist, who must not be told apart by a salt that changes (RFC 5802 section 5.1).
[[nodiscard]] std::string scram_salt_for(std::string_view server_secret, std::string_view user);

// Credentials that no proof opens, as steady as scram_salt_for.
[[nodiscard]] ScramCredentials fake_scram_credentials(std::string_view server_secret, std::string_view user,
                                                      std::uint32_t iterations);

} // namespace buzon::auth
