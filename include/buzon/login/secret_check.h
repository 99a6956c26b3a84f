// login/secret_check.h - checks what a client presents: against recent successes, against the users' secrets (in a
// worker), or by asking a program. Knows nothing about the throttle or maildrops. Never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/auth/user_base.h"
#include "buzon/login/checkpassword_run.h"
#include "buzon/login/line_programs.h"
#include "buzon/login/login_needs.h"
#include "buzon/net/address.h"
#include "buzon/pop3/action.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

// What the client presents.
using Proof = std::variant<pop3::CheckPassword, pop3::CheckApop, pop3::CheckCram, pop3::CheckToken, pop3::Authenticated,
                           pop3::NotAuthenticated>;

struct Checked {
    Verdict verdict = Verdict::unknown; // right: and the account is open; unknown: it could not be checked
    std::string cause = {};             // why it is not right, for the log
    auth::Standing standing = auth::Standing::open;
    std::string token_error = {};       // for the client of a refused token
    auth::Application application = {}; // the application password used; without a label: the main secret
};

// What a SCRAM exchange with an account's main secret is for: something else once that secret is another one.
// main_change: as in auth::Credential.
[[nodiscard]] std::string exchange_for(std::string_view account, std::uint64_t main_change);

class SecretCheck {
public:
    // Called at most once, perhaps from within start(). It may destroy this object.
    using OnEnd = std::function<void(Checked)>;

    // `user`: the name given by the client; `account`: the user it refers to. Both must outlive the check.
    SecretCheck(LoginNeeds& needs, const net::Ip& ip, const std::string& user, const std::string& account, Proof proof,
                OnEnd then);
    SecretCheck(const SecretCheck&) = delete;
    SecretCheck& operator=(const SecretCheck&) = delete;

    void start();
    // The secret, if the proof contains it; otherwise empty: a digest differs each time, so it cannot be recognized.
    [[nodiscard]] std::string_view shown() const noexcept;

private:
    template <class Step>
    void go_on(Step step);
    void check_proven(const pop3::Authenticated& proof);
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
    void token_checked(std::string_view answer, const std::string& why, bool listed);
    void vouch(const std::string& home, const posix::Ids& owner);
    void verified(bool right, std::string_view cause);
    void failed(std::string cause);
    void end();

    LoginNeeds& needs_;
    net::Ip ip_;
    std::optional<auth::Source> source_;
    const std::string& user_;
    const std::string& account_;
    Proof proof_;
    OnEnd then_;
    Checked checked_; // what is known so far
    worker::Pending verifying_;
    std::unique_ptr<CheckpasswordRun> asking_;
    std::unique_ptr<LinePrograms::Question> question_;
};

} // namespace buzon::login
