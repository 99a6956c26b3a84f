// pop3/action.h - what a session may ask of its connection, and the words in which the connection reports back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/sasl.h"
#include "buzon/mail/maildrop.h"
#include "buzon/mail/search.h"
#include "buzon/state/pop3_command.h"

namespace buzon::pop3 {

using mail::MessageNumber;

enum class Mechanism : std::uint8_t { pass, apop, plain, login, scram_sha_256, cram_md5 };
// "PASS", "APOP", or the SASL name: for logs and events.
[[nodiscard]] std::string_view name_of(Mechanism mechanism) noexcept;

// Each Action says how it ends. Until then no line is given to the session.

struct Continue {}; // nothing to do: send what is in `out`, give the next line
struct Close {      // send what is in `out`, then close; nothing is removed
    enum class Why : std::uint8_t { quit, bad_lines } why;
};

// These end with login_succeeded() or login_refused(). The connection may let a wrong guess take its time.
struct CheckPassword {
    std::string user;
    std::string password;
    Mechanism mechanism;
};
struct CheckApop {
    std::string user;
    std::string digest;    // as the client sent it: MD5 in hexadecimal digits, of challenge and secret (RFC 1939)
    std::string challenge; // as the greeting showed it, with its angle brackets
};
using CheckCram = auth::CheckDigest;
// The exchange proved that the client is `user`: open the maildrop.
struct Authenticated {
    std::string user;
    Mechanism mechanism;
};
// The exchange failed: count it against the source, then login_refused(). `user` is what was claimed, perhaps nothing.
struct NotAuthenticated {
    std::string user;
    Mechanism mechanism;
};
// A clear-text secret was not taken, for want of TLS: it has been answered, and is only told. `user` as far as the
// client has said.
struct ClearTextRefused {
    std::string user;
    Mechanism mechanism;
};
// Ends with scram_credentials(), or with login_refused() when nobody can tell. An unknown user has invented ones.
struct GetScram {
    std::string user;
};

// RETR, and TOP with its number of lines. Ends with delivery_begins() and later delivered(), or delivery_refused().
struct Deliver {
    MessageNumber number;
    std::optional<std::uint32_t> top_lines = std::nullopt;
};
enum class Listing : std::uint8_t { sizes, unique_ids }; // LIST, UIDL
// A long listing: call produce() while the client reads, until it returns true. With same_for_all what produce() gives
// follows from the snapshot alone, so it may also be sent from what it gave another session.
struct Produce {
    Listing what;
    bool same_for_all;
};
// SEARCH: look for the live messages that match. Ends with search_begins(), search_found() as often as something was
// found, in ascending order, and search_ended(); or with search_failed() before search_begins().
struct Search {
    std::string text; // the criteria as the client sent them
    mail::SearchCriteria criteria;
};
// REPORT: what earlier sessions did in the last days. Ends with report_follows() or report_failed().
struct Report {
    std::uint32_t days;
};
// QUIT in the TRANSACTION state: do what maildrop() has marked. Ends with updated(), then close.
struct Update {};

using Action = std::variant<Continue, Close, CheckPassword, CheckApop, CheckCram, Authenticated, NotAuthenticated,
                            ClearTextRefused, GetScram, Deliver, Produce, Search, Report, Update>;

// What a line asks for, and which command it was. A line of an AUTH exchange belongs to AUTH; a command that is
// switched off, or refused, is still that command.
struct Asked {
    Action action;
    state::Pop3Command command = state::Pop3Command::unknown;
};

// Why a login did not succeed. The response code that goes with it is the session's business.
enum class Refusal : std::uint8_t {
    wrong,                // [AUTH] unknown user, wrong password, wrong digest: all the same to the client
    not_permitted,        // [AUTH] right secret, but no login for this account or from this address
    temporary,            // [SYS/TEMP] nobody could tell whether the secret is right
    in_use,               // [IN-USE] another session holds the maildrop
    too_soon,             // [LOGIN-DELAY]
    maildrop_unavailable, // [SYS/TEMP] right secret, but the maildrop cannot be read now
    maildrop_broken,      // [SYS/PERM] ... and will not be until somebody repairs it
    too_many_sessions,    // [SYS/TEMP]
};

enum class DeliveryRefusal : std::uint8_t {
    gone,          // [SYS/TEMP] another program or session has removed it
    unreadable,    // [SYS/TEMP] the disk or the descriptors
    filter_failed, // [SYS/TEMP] the transformation
    too_large,     // [SYS/PERM]
};

enum class BadLine : std::uint8_t {
    too_long,
    invalid, // a NUL in it
};

} // namespace buzon::pop3
