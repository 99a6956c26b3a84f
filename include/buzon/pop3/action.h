// pop3/action.h - what a session asks of its connection, and how the connection reports back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/sasl.h"
#include "buzon/message/maildrop.h"
#include "buzon/message/search.h"
#include "buzon/posix/secret_text.h"
#include "buzon/state/pop3_command.h"

namespace buzon::pop3 {

using message::MessageNumber;

enum class Mechanism : std::uint8_t {
    pass,
    apop,
    plain,
    login,
    scram_sha_256,
    cram_md5,
    scram_sha_256_plus,
    oauthbearer,
    xoauth2
};
// "PASS", "APOP", or the SASL name: for logs and events.
[[nodiscard]] std::string_view name_of(Mechanism mechanism) noexcept;

// The comments say how each Action ends. Until then the session must not be given another line.

struct Continue {}; // send `out`, then pass in the next line
struct Close {      // send `out`, then close; nothing is removed
    enum class Why : std::uint8_t { quit, bad_lines } why;
};

// These end with login_succeeded() or login_refused(). The connection may delay the reply to a wrong secret.
struct CheckPassword {
    std::string user;
    posix::SecretText password;
    Mechanism mechanism;
};
struct CheckApop {
    std::string user;
    std::string digest;    // as sent: MD5 of challenge and secret, in hexadecimal (RFC 1939)
    std::string challenge; // as in the greeting, with angle brackets
};
using CheckCram = auth::CheckDigest;
// The same, but if the token is refused, token_refused() may be called instead of login_refused().
struct CheckToken {
    std::string user;
    posix::SecretText token;
    Mechanism mechanism;
};
// The client has proved that it is `user`, but must not learn this sooner than it would learn of a wrong password. Ends
// with proof_accepted(), or login_refused().
struct ProofWaits {
    std::string user;
    Mechanism mechanism;
};
// The exchange proved that the client is `user`: open the maildrop. Follows a ProofWaits.
struct Authenticated {
    std::string user;
    Mechanism mechanism;
    std::string account = {}; // as scram_credentials() was given it
};
// The exchange failed: count it against the source, then call login_refused(). `user` is the claimed name, or empty.
struct NotAuthenticated {
    std::string user;
    Mechanism mechanism;
};
// A clear-text secret was refused for lack of TLS. The reply is already in `out`; this is only a report. `user` may be
// empty.
struct ClearTextRefused {
    std::string user;
    Mechanism mechanism;
};
// Ends with scram_credentials(), or login_refused() if they cannot be obtained. An unknown user gets made-up ones.
struct GetScram {
    std::string user;
};

// RETR, and TOP with its number of lines. Ends with delivery_begins() and later delivered(), or delivery_refused().
struct Deliver {
    MessageNumber number;
    std::optional<std::uint32_t> top_lines = std::nullopt;
};
enum class Listing : std::uint8_t { sizes, unique_ids }; // LIST, UIDL
// A long listing: call produce() while the client reads, until it returns true. If same_for_all, the output depends
// only on the snapshot, so the output made for another session may be sent instead.
struct Produce {
    Listing what;
    bool same_for_all;
};
// SEARCH: find the undeleted messages that match. Ends with search_begins(), any number of search_found() in ascending
// order, and search_ended(); or with search_failed() before search_begins().
struct Search {
    std::string text; // the criteria as the client sent them
    message::SearchCriteria criteria;
};
// REPORT: what earlier sessions did in the last `days` days. Ends with report_follows() or report_failed().
struct Report {
    std::uint32_t days;
};
// STLS: discard what the client sent after it, send `out`, then begin TLS, with a new session inside.
struct StartTls {};
// QUIT in the TRANSACTION state: apply the marks in maildrop(). Ends with updated(), then close.
struct Update {};

using Action =
    std::variant<Continue, Close, CheckPassword, CheckApop, CheckCram, CheckToken, ProofWaits, Authenticated,
                 NotAuthenticated, ClearTextRefused, GetScram, Deliver, Produce, Search, Report, StartTls, Update>;

// What a line asks for, and its command. A line of an AUTH exchange belongs to AUTH. A disabled or refused command is
// still reported as that command.
struct Asked {
    Action action;
    state::Pop3Command command = state::Pop3Command::unknown;
};

// Why a login failed. The session chooses the response code.
enum class Refusal : std::uint8_t {
    wrong,                // [AUTH] unknown user, wrong password, wrong digest: the client cannot tell which
    not_permitted,        // [AUTH] right secret, but no login for this account or from this address
    throttled,            // [SYS/TEMP] too many earlier failures: the secret was not checked
    temporary,            // [SYS/TEMP] the secret could not be checked
    in_use,               // [IN-USE] another session holds the maildrop
    too_soon,             // [LOGIN-DELAY]
    maildrop_unavailable, // [SYS/TEMP] right secret, but the maildrop cannot be read at the moment
    maildrop_broken,      // [SYS/PERM] ... and needs repair
    too_many_sessions,    // [SYS/TEMP]
};

enum class DeliveryRefusal : std::uint8_t {
    gone,          // [SYS/TEMP] another program or session removed it
    unreadable,    // [SYS/TEMP] the disk failed, or no descriptor was free
    filter_failed, // [SYS/TEMP] the transformation
    too_large,     // [SYS/PERM]
    needs_utf8,    // [UTF8] its header is not ASCII (RFC 6856 section 2.1)
};

enum class BadLine : std::uint8_t {
    too_long,
    invalid, // contains a NUL
};

} // namespace buzon::pop3
