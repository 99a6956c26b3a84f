// login/success_cache.h - recently verified passwords, so that a client polling every minute does not cost a slow hash
// each time. Stores no passwords, but digests under a random key of this process.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/digest/sha2.h"
#include "buzon/posix/zeroed_table.h"

namespace buzon::login {

class SuccessCache {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `key`: 32 random octets. `lifetime` counts from the real check, not from the last use; zero disables the cache.
    // `size`: the number of entries; a new entry replaces the oldest of a few.
    SuccessCache(std::string key, std::chrono::seconds lifetime, std::size_t size);

    // `change`: which of the user's secrets the password was verified against (SecretPlace::change). After the secret
    // changes, old entries no longer match.
    void remember(std::string_view user, std::uint64_t change, std::string_view password, Time now);
    [[nodiscard]] bool remembers(std::string_view user, std::uint64_t change, std::string_view password,
                                 Time now) const;

    // Call this when the users file or the lifetime has changed.
    void forget_all() noexcept { ++epoch_; }
    // Changes with forget_all(). An answer to a question asked in an earlier epoch may be about a secret that has
    // changed since.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
    void set_lifetime(std::chrono::seconds lifetime) noexcept;

private:
    struct Slot {
        digest::Sha256::Digest digest{};
        Time expires{}; // zero: free
    };

    [[nodiscard]] digest::Sha256::Digest digest_of(std::string_view user, std::uint64_t change,
                                                   std::string_view password) const;
    [[nodiscard]] std::size_t set_of(const digest::Sha256::Digest& digest) const noexcept;

    std::string key_;
    std::uint64_t epoch_ = 0; // part of every digest, so that digests of another epoch are never found
    std::chrono::seconds lifetime_;
    posix::ZeroedTable<Slot> slots_;
};

} // namespace buzon::login
