// auth/secret.h - a stored password in one of Dovecot's schemes, `{SCHEME}secret`; verifies passwords against it. Knows
// no users. verify() may take a second of CPU: run it in a worker if is_slow().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/parsed.h"
#include "buzon/auth/scram_credentials.h"

namespace buzon::auth {

struct SaltedDigest;
struct SchemeRow;
struct SlowSha1;

// What the reactor knows about a secret without knowing the secret itself.
struct SecretFacts {
    bool clear = false;           // the password itself is stored: APOP, CRAM-MD5 and SCRAM are possible
    bool scram = false;           // SCRAM credentials are stored
    bool locked = false;          // no password matches
    std::uint32_t iterations = 0; // of the stored SCRAM credentials
    std::uint64_t cost = 0;       // Secret::cost()

    static void fields(auto& self, auto&& each) {
        each(self.clear, self.scram, self.locked, self.iterations, self.cost);
    }
};

// PLAIN, CLEAR, CLEARTEXT; CRYPT, MD5-CRYPT, SHA256-CRYPT, SHA512-CRYPT, BLF-CRYPT; SCRAM-SHA-256; and, for secrets
// stored by other servers, SHA, SHA1, SHA256, SHA512, SSHA, SSHA256, SSHA512, SMD5, PLAIN-MD5, LDAP-MD5, PBKDF2,
// SCRAM-SHA-1. Scheme names are case-insensitive and may have Dovecot's endings .b64, .base64 and .hex. Text without a
// scheme is CRYPT. Empty text, "x", and text that begins with '*' or '!' (no crypt(3) hash does) mean a locked account,
// as in shadow(5).
class Secret {
public:
    // Refuses unknown schemes, and secrets that no password can match (such as a plain password without {PLAIN}).
    [[nodiscard]] static Parsed<Secret> parse(std::string_view text);

    // The plain password if it is known (APOP and CRAM-MD5 need it), else null. Must not outlive the secret.
    [[nodiscard]] const std::string* plain() const noexcept;
    // The stored credentials of {SCRAM-SHA-256}, else null. Must not outlive the secret.
    [[nodiscard]] const ScramCredentials* scram() const noexcept;
    [[nodiscard]] bool is_locked() const noexcept;

    // Whether verify() is slow on purpose.
    [[nodiscard]] bool is_slow() const noexcept { return cost() > 0; }
    // The rough cost of verify() in microseconds: good enough to tell which of two is slower.
    [[nodiscard]] std::uint64_t cost() const noexcept;

    [[nodiscard]] SecretFacts facts() const noexcept;

    // Whether `password` matches. An empty password, one with a NUL, and any password of a locked account never match.
    [[nodiscard]] bool verify(std::string_view password) const;

    // A secret that takes as long to verify and that no password matches. Unknown users are checked against it, so that
    // the time does not reveal who exists.
    [[nodiscard]] std::string decoy() const;

private:
    struct Locked {};
    struct Plain {
        std::string password;
    };
    struct Crypt {
        std::string hash;
    };
    // The last two are defined in a private header, auth/foreign_hash.h.
    using Kind = std::variant<Locked, Plain, Crypt, ScramCredentials, std::shared_ptr<const SaltedDigest>,
                              std::shared_ptr<const SlowSha1>>;

    explicit Secret(Kind kind) : kind_{std::move(kind)} {}
    template <class Hash>
    [[nodiscard]] static Parsed<Secret> kept(const SchemeRow& scheme, Parsed<Hash> parsed);

    Kind kind_;
};

// Why no password can match this text, showing no more of it than its scheme; empty if it is a valid secret.
[[nodiscard]] std::string fault_of_secret(std::string_view text);

} // namespace buzon::auth
