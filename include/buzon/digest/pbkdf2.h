// digest/pbkdf2.h - derives a key from a password, slowly on purpose (RFC 8018 section 5.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::digest {

// Derives `key_octets` octets with HMAC-SHA-256. Takes about `iterations` microseconds per 32 octets, so the reactor
// never calls it. `iterations` must be at least 1; 0 counts as 1.
[[nodiscard]] std::string pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations,
                                        std::size_t key_octets);
// The same with HMAC-SHA-1, for password hashes stored by other servers.
[[nodiscard]] std::string pbkdf2_sha1(std::string_view password, std::string_view salt, std::uint32_t iterations,
                                      std::size_t key_octets);

} // namespace buzon::digest
