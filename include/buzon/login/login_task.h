// login/login_task.h - PASS, APOP and AUTH: from credentials to a session with its maildrop, or to a refusal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "buzon/login/login.h"
#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

class UserSessions {
public:
    // The number of sessions logged in as this user.
    [[nodiscard]] virtual std::size_t sessions_of(const std::string& user) const = 0;

protected:
    ~UserSessions() = default;
};

// Reports a login that the session itself refused.
void tell_refusal(LoginNeeds& needs, const Visit& visit, const pop3::ClearTextRefused& what);

class LogIn final : public Task {
public:
    // `until`: when the client's time to log in ends.
    LogIn(LoginNeeds& needs, const UserSessions& sessions, Visit& visit, event::Instant until, TaskOwner& owner,
          Proof proof);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return true; }
    // Until the secret has been verified, this counts as waiting for the client.
    [[nodiscard]] bool client_waits() const override { return login_.opening(); }
    [[nodiscard]] TaskView view() const override { return {"login"}; }

private:
    void welcome(LoggedIn in, std::string& out);
    void tell_of_login();

    LoginNeeds& needs_;
    const UserSessions& sessions_;
    Visit& visit_;
    pop3::Mechanism mechanism_;
    event::Instant began_ = event::Clock::now(); // not the start of the turn: fast logins finish within one
    Login login_;
    bool started_ = false;
    std::optional<LoginEnd> end_;
};

// Waits until a client may know that its SCRAM proof was right. Without this, a guesser whose wrong guesses wait for
// their turn would learn of the right one at once, and could give up all others uncounted.
class AwaitTurn final : public Task, private auth::Turns::Try {
public:
    // `until`: when the client's time to log in ends.
    AwaitTurn(LoginNeeds& needs, Visit& visit, event::Instant until, TaskOwner& owner, pop3::ProofWaits proof);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return true; }
    [[nodiscard]] bool client_waits() const override { return false; }
    [[nodiscard]] TaskView view() const override { return {"login"}; }

private:
    void your_turn() override { answered(auth::Turns::Answer::now); }
    void too_long() override { answered(auth::Turns::Answer::too_long); }
    void answered(auth::Turns::Answer answer);

    LoginNeeds& needs_;
    Visit& visit_;
    event::Instant until_;
    TaskOwner& owner_;
    pop3::ProofWaits proof_;
    std::optional<auth::Turns::Answer> answer_; // nothing: not asked yet
};

// Gets SCRAM credentials for one exchange from a worker: stored ones, or ones derived from a stored password.
class GetScram final : public Task {
public:
    GetScram(LoginNeeds& needs, Visit& visit, TaskOwner& owner, std::string user);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return true; }
    [[nodiscard]] bool client_waits() const override { return false; }
    [[nodiscard]] TaskView view() const override { return {"login"}; }

private:
    LoginNeeds& needs_;
    Visit& visit_;
    TaskOwner& owner_;
    std::string user_;
    std::string account_;           // that the user's name refers to
    std::uint64_t main_change_ = 0; // of its credential
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

} // namespace buzon::login
