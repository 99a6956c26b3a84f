// auth/pbkdf2.h - a key from a password, made slow on purpose (RFC 8018 section 5.2, with HMAC-SHA-256).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::auth {

// `key_octets` octets; costs about `iterations` microseconds for each 32 of them, so the reactor never calls it.
// No iterations at all are a mistake of the caller's and count as one.
[[nodiscard]] std::string pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations,
                                        std::size_t key_octets);

} // namespace buzon::auth
