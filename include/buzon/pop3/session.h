// pop3/session.h - the POP3 protocol (RFC 1939, 2449, 3206, 5034, 6856). No I/O; does not read the clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/scram_credentials.h"
#include "buzon/message/maildrop.h"
#include "buzon/pop3/action.h"
#include "buzon/pop3/settings.h"

namespace buzon::pop3 {

struct Exchange;  // an AUTH exchange in progress
struct Catalogue; // the texts of one language

// Whether others may read what the client sends.
enum class Channel : std::uint8_t {
    open,
    secure, // the client is on this machine
    tls,    // ends here or at the front
    bound,  // TLS whose certificate we know, so that a client can prove that it has seen the same one
};

// Returns unguessable printable octets without ',', '<', '>' and '@', different each time, for challenges.
using FreshText = std::string (*)();

//                  +--- PASS, APOP, AUTH, wrong ---+
//                  v                               |
//  greet() --> AUTHORIZATION --- PASS, APOP, AUTH, right --> TRANSACTION --- QUIT --> UPDATE --> closed
//                  |                                             |
//                  +-- QUIT --> closed, nothing to remove        +-- connection lost, autologout: nothing removed
//
// Replies are appended to `out`; apart from that, only commands that log in allocate memory.
class Session {
public:
    enum class State : std::uint8_t { authorization, transaction, update };

    static constexpr std::size_t command_limit = 255;  // RFC 2449 section 4, with CRLF
    static constexpr std::size_t answer_limit = 12288; // RFC 5034 section 4, with CRLF
    // Disconnect after this many consecutive unrecognized lines.
    static constexpr unsigned bad_line_limit = 50;
    // Disconnect after the reply to this many wrong logins, refused clear-text secrets or throttled attempts.
    static constexpr unsigned wrong_login_limit = 10;

    // `settings` must outlive the session.
    Session(const Settings& settings, Channel channel, FreshText fresh_text);
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    // Call before the first line if the client came over TLS. `certificate_hash`: the tls-server-end-point (RFC 5929)
    // of the certificate, in octets; empty if it is not known.
    void came_under(std::string certificate_hash) noexcept;
    void greet(std::string& out);

    // Maximum length of the next line, including its end; a response in an AUTH exchange may be longer than a command.
    [[nodiscard]] std::size_t line_limit() const noexcept;
    // Handles one line, passed without its end. Must not be called while an Action is pending.
    [[nodiscard]] Asked line(std::string_view line, std::string& out);
    // Handles a line that could not be read.
    [[nodiscard]] Asked bad_line(BadLine what, std::string& out);

    // These report the end of an Action (action.h). With `genuine` false the exchange continues and fails at the end.
    // `account`: whose credentials they are.
    void scram_credentials(auth::ScramCredentials credentials, bool genuine, std::string& out,
                           std::string account = {});
    // The client may know that its proof was right.
    void proof_accepted(std::string& out);
    void login_succeeded(message::Maildrop maildrop, std::string& out, bool may_delete = true);
    // `seconds`: with too_soon, the time left to wait.
    void login_refused(Refusal why, std::string& out, std::optional<std::uint32_t> seconds = std::nullopt);
    // Reports a wrong token. The client is sent the reason (RFC 7628 section 3.2.3) before the login is refused, except
    // on its last try. `error`: from auth::token_error().
    void token_refused(std::string_view error, std::string& out);
    // Whether a refused login or a ClearTextRefused was the client's last try: close after the reply.
    [[nodiscard]] bool out_of_tries() const noexcept { return wrong_logins_ >= wrong_login_limit; }
    // `octets`: how many the client will receive, if known.
    void delivery_begins(std::optional<std::uint64_t> octets, std::string& out);
    void delivery_refused(DeliveryRefusal why, std::string& out);
    void delivered();
    // Continues the listing until it is complete (true) or `out` has grown by `room`; the last line may exceed that.
    [[nodiscard]] bool produce(std::string& out, std::size_t room);
    void search_begins(std::string& out);
    void search_found(std::span<const std::uint32_t> numbers, std::string& out);
    void search_ended(std::string& out);
    void search_failed(std::string& out);
    // `lines`: complete lines, none of which begins with a dot.
    void report_follows(std::string_view lines, std::string& out);
    void report_failed(std::string& out);
    // `not_removed`: how many of the messages marked as deleted are still there.
    void updated(std::uint32_t not_removed, std::string& out);

    [[nodiscard]] State state() const noexcept { return state_; }
    // Whether the client accepts UTF-8 in headers (RFC 6856 section 2).
    [[nodiscard]] bool utf8() const noexcept { return utf8_; }
    // The user who logged in; in the AUTHORIZATION state the name given by USER, or empty.
    [[nodiscard]] const std::string& user() const noexcept;
    // Null in the AUTHORIZATION state.
    [[nodiscard]] const message::Maildrop* maildrop() const noexcept;

private:
    friend struct Commands;

    // Allocated separately, so that a logged-in session does not keep the memory that only a login needs.
    struct Authorization {
        FreshText fresh_text;
        std::string challenge;              // for APOP, as in the greeting; empty: not offered
        std::string user;                   // from USER until PASS
        std::string certificate_hash;       // empty: channel_ is not bound
        std::unique_ptr<Exchange> exchange; // null: no AUTH in progress
    };
    struct Transaction {
        std::string user;
        message::Maildrop maildrop;
        MessageNumber current{0}; // being delivered, or last listed
        bool may_delete = true;
    };
    enum class Language : std::uint8_t;

    [[nodiscard]] const Catalogue& texts() const noexcept;
    [[nodiscard]] Authorization& authorization() noexcept { return *std::get<std::unique_ptr<Authorization>>(phase_); }
    [[nodiscard]] Transaction& transaction() noexcept { return std::get<Transaction>(phase_); }
    [[nodiscard]] Action refuse_line(std::string_view Catalogue::*why, std::string& out);

    const Settings* settings_;
    std::variant<std::unique_ptr<Authorization>, Transaction> phase_;
    State state_ = State::authorization;
    Channel channel_;
    Language language_{};
    Listing listing_{};
    bool utf8_ = false;
    bool whole_message_ = false; // the delivery is a RETR, not a TOP
    std::uint8_t bad_lines_ = 0;
    std::uint8_t wrong_logins_ = 0;
};

} // namespace buzon::pop3
