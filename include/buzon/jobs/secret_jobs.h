// jobs/secret_jobs.h - jobs about users' secrets, which only hash workers see.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/auth/user_base.h"
#include "buzon/jobs/care.h"

namespace buzon::jobs {

// Verifies a password against a user's secrets. Their vault is sent along, as with all jobs here.
struct Verify {
    static constexpr Care care = Care::look;
    auth::SecretPlace secret;
    std::string_view password;
    static void fields(auto& self, auto&& each) { each(self.secret, self.password); }
    // The maximum encoded size, to be reserved: a growing buffer would leave pieces of the password in memory.
    [[nodiscard]] std::size_t octets() const {
        return secret.name.size() + password.size() + 64 + auth::max_applications * 40;
    }

    struct Answer {
        bool right = false;
        std::string label; // of the application password that matched; empty: the main secret
        static void fields(auto& self, auto&& each) { each(self.right, self.label); }
    };
};

// The same for APOP and CRAM-MD5, where the client sends a digest.
struct CheckDigest {
    static constexpr Care care = Care::look;
    auth::SecretPlace secret;
    bool apop = false;
    std::string_view challenge;
    std::string_view digest;
    static void fields(auto& self, auto&& each) { each(self.secret, self.apop, self.challenge, self.digest); }
    using Answer = Verify::Answer;
};

// Gets SCRAM-SHA-256 credentials for one exchange: stored ones, or ones derived from a stored password. Any other user
// gets credentials that match no proof.
struct GetScram {
    static constexpr Care care = Care::look;
    auth::SecretPlace secret;
    std::string_view user;
    std::string_view server_secret; // the key of made-up salts, see auth::scram_salt_for()
    std::uint32_t iterations = 0;
    bool derive_decoys = false;
    static void fields(auto& self, auto&& each) {
        each(self.secret, self.user, self.server_secret, self.iterations, self.derive_decoys);
    }

    struct Answer {
        std::string credentials; // in the form of auth::to_text()
        bool genuine = false;
        static void fields(auto& self, auto&& each) { each(self.credentials, self.genuine); }
    };
};

// Hashes a password with a new salt and puts the result, with its {SCHEME}, into the vault of changes: in a keyring
// under the number `change`, along with the secrets of `base` that are still in force.
struct MakeSecret {
    static constexpr Care care = Care::look;
    std::string_view scheme;
    std::string_view password;
    std::string_view label; // empty: the main secret
    std::uint64_t change = 0;
    auth::UserBase::Base base;
    static void fields(auto& self, auto&& each) {
        each(self.scheme, self.password, self.label, self.change, self.base.change, self.base.labels);
    }
    [[nodiscard]] std::size_t octets() const { // as in Verify
        return scheme.size() + password.size() + 128 + auth::max_applications * 40;
    }

    struct Answer {
        auth::SecretFacts facts;
        static void fields(auto& self, auto&& each) { each(self.facts); }
    };
};

} // namespace buzon::jobs
