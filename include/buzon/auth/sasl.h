// auth/sasl.h - the SASL mechanisms as state machines: pass in a decoded client message, get the next step.
// Knows no base64, no sockets, no users and no clock.
//
//   begin --> Challenge --> next --> ... --> CheckPlain | CheckDigest    the owner checks; the exchange ends
//                       |
//                       +-> NeedCredentials --supply--> Challenge --next--> Proven --next--> Accepted    (SCRAM)
//                       |
//                       +-> CheckToken    the owner checks; if refused, an error challenge --next--> Dismissed
//   Refused and Malformed end the exchange at any point.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/scram_credentials.h"
#include "buzon/posix/secret_text.h"

namespace buzon::auth {

// Send this to the client and pass its response to next().
struct Challenge {
    std::string text;
};
// Get scram_source() for this user, derive the credentials if needed, and supply() them.
struct NeedCredentials {
    std::string user;
};
// The login succeeds if the password is this user's.
struct CheckPlain {
    std::string user;
    posix::SecretText password;
};
// The login succeeds if digest_matches() with this user's plain password.
struct CheckDigest {
    std::string user;
    std::string challenge;
    std::string digest; // as sent, in hexadecimal
};
// The login succeeds if the token is this user's. If it is not, the client may be sent token_error() as a challenge.
struct CheckToken {
    std::string user;
    posix::SecretText token;
};
// The client has answered that challenge.
struct Dismissed {};
// The proof is right. The text, once sent as a challenge, tells the client so; its response is for next().
struct Proven {
    std::string text;
};
// This user is logged in.
struct Accepted {
    std::string user;
};
// A well-formed attempt that failed: answer like a wrong password.
struct Refused {};
// Violates the mechanism: an error of the client, not a guess.
struct Malformed {
    std::string_view why;
};
using Step = std::variant<Challenge, NeedCredentials, CheckPlain, CheckDigest, CheckToken, Dismissed, Proven, Accepted,
                          Refused, Malformed>;

enum class Mechanism { plain, login, cram_md5, scram_sha_256, scram_sha_256_plus, oauthbearer, xoauth2 };

// PLAIN (RFC 4616): one message, `[authzid] NUL user NUL password`. An authzid must be the user's own name:
// nobody may act for another user.
class PlainMachine {
public:
    [[nodiscard]] Step begin(const std::optional<std::string_view>& initial) const;
    [[nodiscard]] Step next(std::string_view message) const;
};

// LOGIN, which no RFC describes: asks for the user, then for the password. An initial response is the user.
class LoginMachine {
public:
    [[nodiscard]] Step begin(const std::optional<std::string_view>& initial);
    [[nodiscard]] Step next(std::string_view message);

private:
    std::string user_;
};

// CRAM-MD5 (RFC 2195): the server speaks first. `challenge`: in the form of the greeting's timestamp, fresh for every
// exchange.
class CramMd5Machine {
public:
    explicit CramMd5Machine(std::string challenge) : challenge_{std::move(challenge)} {}
    [[nodiscard]] Step begin(const std::optional<std::string_view>& initial) const;
    [[nodiscard]] Step next(std::string_view message) const;

private:
    std::string challenge_;
};

// What the client may bind the login to (tls-server-end-point, RFC 5929 section 4).
struct ChannelBinding {
    std::string certificate_hash; // octets; empty: unknown, so there is no SCRAM-SHA-256-PLUS
    bool demanded = false;        // the client chose SCRAM-SHA-256-PLUS
};

// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677). `nonce`: printable without ',', fresh for every exchange.
// The server's signature (Proven) is sent as a last challenge, which the client answers with an empty response (RFC
// 5034 section 4 has no other place for it); only then is the client Accepted.
class ScramMachine {
public:
    explicit ScramMachine(std::string nonce, ChannelBinding channel = {})
        : channel_{std::move(channel)}, nonce_{std::move(nonce)} {}
    [[nodiscard]] Step begin(const std::optional<std::string_view>& initial);
    [[nodiscard]] Step next(std::string_view message);
    // Answers NeedCredentials. With `genuine` false the exchange continues to the proof and is then refused.
    [[nodiscard]] Step supply(ScramCredentials credentials, bool genuine);

private:
    enum class State { awaits_first, awaits_credentials, awaits_final, awaits_end, over };

    Step end(Step step);
    Step client_first(std::string_view message);
    Step client_final(std::string_view message);

    State state_ = State::awaits_first;
    ChannelBinding channel_;
    std::string nonce_; // at first ours, then the client's followed by ours
    std::string user_;
    std::string gs2_header_;
    std::string auth_message_; // RFC 5802 section 3, as far as known
    ScramCredentials credentials_;
    bool genuine_ = false;
};

// OAUTHBEARER (RFC 7628) and, with `google`, XOAUTH2, which no RFC describes: one message with the user and a token.
class TokenMachine {
public:
    explicit TokenMachine(bool google) : google_{google} {}
    [[nodiscard]] Step begin(const std::optional<std::string_view>& initial);
    [[nodiscard]] Step next(std::string_view message);

private:
    bool google_;
    bool asked_ = false;
};
// The JSON of RFC 7628 section 3.2.2. Characters that would need escaping are left out.
[[nodiscard]] std::string token_error(std::string_view status, std::string_view scope);

// One AUTH command, whatever the mechanism.
class Exchange {
public:
    // `random`: printable octets without ',', '<', '>' and '@', fresh for every exchange; `host` for CRAM-MD5;
    // `certificate_hash` as in ChannelBinding.
    Exchange(Mechanism mechanism, const std::string& random, std::string_view host,
             const std::string& certificate_hash = {});

    // Call it once, first. `initial`: the initial response, empty for "=", nothing if there was none.
    [[nodiscard]] Step begin(const std::optional<std::string_view>& initial);
    [[nodiscard]] Step next(std::string_view message);
    [[nodiscard]] Step supply(ScramCredentials credentials, bool genuine);

private:
    std::variant<PlainMachine, LoginMachine, CramMd5Machine, ScramMachine, TokenMachine> machine_;
};

} // namespace buzon::auth
