// login/login.h - one login attempt: checks the secret, locks the maildrop and loads its snapshot. Never blocks;
// workers compute slow hashes and read cold maildrops.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "buzon/auth/turns.h"
#include "buzon/auth/user_base.h"
#include "buzon/jobs/hash_workers.h"
#include "buzon/login/checkpassword_run.h"
#include "buzon/login/line_programs.h"
#include "buzon/login/locks.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/message/maildrop.h"
#include "buzon/net/address.h"
#include "buzon/pop3/action.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::upkeep {
class Reports;
} // namespace buzon::upkeep

namespace buzon::login {

// A successful login.
struct LoggedIn {
    message::Maildrop maildrop;
    std::string maildir;
    posix::Ids owner;   // of the Maildir, as far as the users file says
    bool local = false; // Maildrops::is_local
    bool here = false;  // Maildrops::may_touch
    MaildropLock lock;
    std::string label; // of the application password; empty: none
    auth::Rights rights = auth::Rights::all;
};
struct LoginRefused {
    pop3::Refusal why = pop3::Refusal::temporary;
    std::optional<std::uint32_t> seconds; // for Session::login_refused()
    std::string cause;                    // further details, for the log only
    state::Refused reason = state::Refused::check_failed;
    std::string token_error = {}; // what the client of a wrong token is told
};
using LoginEnd = std::variant<LoggedIn, LoginRefused>;

// The credentials that the client presented.
using Proof = std::variant<pop3::CheckPassword, pop3::CheckApop, pop3::CheckCram, pop3::CheckToken, pop3::Authenticated,
                           pop3::NotAuthenticated>;

// Where the client is, as far as we can tell.
struct ClientInfo {
    // `local`: on this machine, not behind a front end. Its attempts are never delayed, because everybody who uses a
    // webmail or a front end without PROXY headers shares one address. `behind_front`: a client whose front end does
    // not name it.
    enum class Place : std::uint8_t { network, local, behind_front };

    net::Endpoint address; // the client's, even if a front end passed the connection on
    bool secure = false;   // the connection is protected from eavesdropping
    Place place = Place::network;
    bool tls = false; // up to us or to the front end
};

class Logins;

// Shared by all logins; outlives them.
struct LoginNeeds {
    event::EventLoop& loop;
    const state::Settings& settings;
    state::Metrics& metrics;
    state::EventBus& events;
    jobs::HashWorkers hashes;
    Maildrops& maildrops;
    Locks& locks;
    RootKeeper& root;
    Users& users;
    Logins& logins;
    upkeep::Reports& reports;
};

// The throttle comes first, so that right and wrong secrets wait equally long. Then the secret is checked and the
// maildrop opened.
class Login final : private auth::Turns::Try {
public:
    // Called at most once, never from within start(). It may destroy this object.
    using OnEnd = std::function<void(LoginEnd)>;

    // `until`: when the client's time to log in ends.
    Login(LoginNeeds& needs, std::uint64_t session, const ClientInfo& client, event::Instant until, Proof proof,
          OnEnd then);
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;

    // Returns the result if it is known at once; otherwise on_end is called later.
    [[nodiscard]] std::optional<LoginEnd> start();
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    // The secret was right: now the client waits for its maildrop, rather than we for the client.
    [[nodiscard]] bool opening() const noexcept {
        return lock_.held() || root_waiter_.waiting() || lock_waiter_.waiting();
    }

private:
    void your_turn() override;
    void too_long() override;
    template <class Step>
    void go_on(Step step);
    void check_proof();
    void check_password(const pop3::CheckPassword& proof);
    [[nodiscard]] std::optional<bool> seen_of_late(const auth::Credential& credential, std::string_view password);
    void ask_worker(const auth::SecretPlace& place, auth::Vault vault, bool slow,
                    std::optional<auth::SecretPlace> otherwise);
    void password_checked(const worker::Answer& answer, const auth::SecretPlace& place, std::uint64_t epoch);
    [[nodiscard]] bool opens_with(const std::string& label, std::uint64_t checked);
    [[nodiscard]] std::string remembered_as(std::string_view label) const;
    void check_digest();
    void ask_program(const pop3::CheckPassword& proof);
    void program_said(const PasswordAnswer& answer);
    void check_token(const pop3::CheckToken& proof);
    void token_checked(std::string_view answer, const std::string& why);
    [[nodiscard]] std::optional<auth::Source> guesser() const;
    void count(bool right);
    void tell_of_guessing(std::string_view key, const std::string& who);
    void verified(bool right, std::string_view cause);
    void open_maildrop();
    void no_root();
    void opened(SnapshotResult result);
    void breaker_tripped(const message::UidlChange& change);
    void refuse(pop3::Refusal why, std::string cause, std::optional<std::uint32_t> seconds = std::nullopt);
    void refuse(pop3::Refusal why, std::string cause, state::Refused reason);
    [[nodiscard]] state::Refused reason_of(pop3::Refusal why) const;
    void end(LoginEnd what);

    LoginNeeds& needs_;
    std::uint64_t session_;
    net::Ip ip_;
    std::optional<auth::Source> source_;
    ClientInfo::Place place_;
    event::Instant until_;
    Proof proof_;
    std::string user_; // as the client gave it
    Users::Account account_;
    OnEnd then_;
    bool starting_ = false;
    std::optional<LoginEnd> early_; // the result, if known while start() still runs
    worker::Pending verifying_;
    std::unique_ptr<CheckpasswordRun> asking_;
    std::unique_ptr<LinePrograms::Question> question_;
    bool by_program_ = false;
    std::string home_;        // as a program of --checkpassword said
    posix::Ids owner_;        // the same
    std::string token_error_; // of a refused token
    auth::Standing standing_ = auth::Standing::open;
    std::string cause_;             // why the application password is of no use
    auth::Application application_; // the one that the password is; without a label: the main secret
    std::string maildir_;
    MaildropLock lock_;
    Locks::Waiter lock_waiter_;
    Maildrops::Waiter waiter_;
    RootKeeper::Waiter root_waiter_;
    message::RootMark mark_;  // of the mail root that we look for the maildrop in
    bool second_try_ = false; // with that root
};

} // namespace buzon::login
