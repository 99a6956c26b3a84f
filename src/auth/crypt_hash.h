// auth/crypt_hash.h - the hashes of crypt(3): which texts are one, what they cost, and the check itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace buzon::auth {

// Whether `text` has the form of a hash that this system's crypt(3) could give.
[[nodiscard]] bool is_crypt_hash(std::string_view text);

// Microseconds on a usual machine, roughly; never 0.
[[nodiscard]] std::uint64_t cost_of_crypt(std::string_view hash) noexcept;

// Burns that time. A password that crypt(3) cannot take (a NUL, more than 511 octets) never matches.
[[nodiscard]] bool crypt_matches(const std::string& hash, std::string_view password);

// A fresh hash; empty where this system's crypt(3) does not know the method. `prefix` as "$6$"; `rounds` 0 = usual.
[[nodiscard]] std::string make_crypt_hash(const char* prefix, std::string_view password, unsigned long rounds);

// Whether it knows the method.
[[nodiscard]] bool crypt_makes(const char* prefix) noexcept;

} // namespace buzon::auth
