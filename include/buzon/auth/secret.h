// auth/secret.h - a stored password in one of Dovecot's schemes, `{SCHEME}secret`, and whether a password opens it.
// Knows no users. verify() is plain blocking code that may burn a second of CPU: for a worker when is_slow().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/parsed.h"
#include "buzon/auth/scram_credentials.h"

namespace buzon::auth {

// PLAIN, CLEAR, CLEARTEXT; CRYPT, MD5-CRYPT, SHA256-CRYPT, SHA512-CRYPT, BLF-CRYPT; SCRAM-SHA-256. Schemes are read in
// either case, with Dovecot's endings .b64, .base64 and .hex where the secret is written so. Text without a scheme is
// CRYPT. An empty text, or one that crypt(3) can never give because it begins with '*' or '!', or is "x", is a locked
// account's, as in shadow(5).
class Secret {
public:
    // Refuses unknown schemes, and secrets that no password could open by mistake (a clear word without {PLAIN}).
    [[nodiscard]] static Parsed<Secret> parse(std::string_view text);

    // The clear password where it is known (APOP, CRAM-MD5 need it), else null. Must not outlive the secret.
    [[nodiscard]] const std::string* plain() const noexcept;
    // The stored credentials of {SCRAM-SHA-256}, else null. Must not outlive the secret.
    [[nodiscard]] const ScramCredentials* scram() const noexcept;
    [[nodiscard]] bool is_locked() const noexcept;

    // Whether verify() burns CPU on purpose.
    [[nodiscard]] bool is_slow() const noexcept { return cost() > 0; }
    // What verify() costs, in microseconds on a usual machine, roughly: good enough to tell which of two is slower.
    [[nodiscard]] std::uint64_t cost() const noexcept;

    // Whether `password` opens this secret. An empty password, one with a NUL, and any at a locked account, do not.
    [[nodiscard]] bool verify(std::string_view password) const;

    // The text of a secret that takes as long to verify and that no password opens: unknown users are checked against
    // it, so that the time tells nothing about who exists.
    [[nodiscard]] std::string decoy() const;

private:
    struct Locked {};
    struct Plain {
        std::string password;
    };
    struct Crypt {
        std::string hash;
    };
    using Kind = std::variant<Locked, Plain, Crypt, ScramCredentials>;

    explicit Secret(Kind kind) : kind_{std::move(kind)} {}

    Kind kind_;
};

// Why this text is no secret that could ever be opened, without showing any of it but its scheme; empty when it is one.
[[nodiscard]] std::string fault_of_secret(std::string_view text);

} // namespace buzon::auth
