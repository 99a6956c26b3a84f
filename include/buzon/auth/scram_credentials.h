// auth/scram_credentials.h - what a server stores to check a SCRAM-SHA-256 login without the password
// (RFC 5802 section 3, RFC 7677).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"
#include "buzon/digest/sha2.h"

namespace buzon::auth {

struct ScramCredentials {
    std::uint32_t iterations = 0;
    std::string salt; // octets, not base64
    digest::Sha256::Digest stored_key{};
    digest::Sha256::Digest server_key{};
};

// The minimum of RFC 7677, and a bound on the cost of one login (about ten seconds).
inline constexpr std::uint32_t min_scram_iterations = 4096;
inline constexpr std::uint32_t max_scram_iterations = 10'000'000;

// Runs `iterations` rounds of PBKDF2, so call it in a worker. The caller applies SASLprep to the password.
[[nodiscard]] ScramCredentials derive_scram(std::string_view password, std::string_view salt, std::uint32_t iterations);

// Dovecot's text form, `iterations,salt,storedkey,serverkey`, the last three in base64.
[[nodiscard]] Parsed<ScramCredentials> parse_scram_credentials(std::string_view text);
[[nodiscard]] std::string to_text(const ScramCredentials& credentials);

// Always the same salt for the same name and `server_secret`. For users without a stored salt and for users who do not
// exist, so that a changing salt does not tell them apart (RFC 5802 section 5.1).
[[nodiscard]] std::string scram_salt_for(std::string_view server_secret, std::string_view user);

// Credentials that no proof matches; like the salt, always the same for the same arguments.
[[nodiscard]] ScramCredentials fake_scram_credentials(std::string_view server_secret, std::string_view user,
                                                      std::uint32_t iterations);

} // namespace buzon::auth
