// auth/crypt_hash.h - the hashes of crypt(3): syntax, cost and verification.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::auth {

// Whether `text` has the form of a hash of this system's crypt(3).
[[nodiscard]] bool is_crypt_hash(std::string_view text);

// The rough cost in microseconds; never 0.
[[nodiscard]] std::uint64_t cost_of_crypt(std::string_view hash) noexcept;

// Takes about cost_of_crypt() microseconds. A password that crypt(3) does not support (a NUL, more than 511 octets)
// never matches.
[[nodiscard]] bool crypt_matches(const std::string& hash, std::string_view password);

// A new hash; empty if this system's crypt(3) does not know the method. `prefix`: such as "$6$"; `rounds` 0: default.
[[nodiscard]] std::string make_crypt_hash(const char* prefix, std::string_view password, unsigned long rounds);

// Whether crypt(3) knows the method.
[[nodiscard]] bool crypt_makes(const char* prefix) noexcept;

} // namespace buzon::auth
