// login/login_task.h - PASS, APOP, AUTH: from a proof to a session that has its maildrop, or a refusal.
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
    // How many are logged in as this user.
    [[nodiscard]] virtual std::size_t sessions_of(const std::string& user) const = 0;

protected:
    ~UserSessions() = default;
};

// A login that the session has turned away itself.
void tell_refusal(LoginNeeds& needs, const Visit& visit, const pop3::ClearTextRefused& what);

class LogIn final : public Task {
public:
    // `until`: when the client's time for logging in is over.
    LogIn(LoginNeeds& needs, const UserSessions& sessions, Visit& visit, event::Instant until, TaskOwner& owner,
          Proof proof);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return true; }
    // Until the secret has been found right we wait for the client.
    [[nodiscard]] bool client_waits() const override { return login_.opening(); }
    [[nodiscard]] TaskView view() const override { return {"login"}; }

private:
    void welcome(LoggedIn in, std::string& out);

    LoginNeeds& needs_;
    const UserSessions& sessions_;
    Visit& visit_;
    pop3::Mechanism mechanism_;
    event::Instant began_ = event::Clock::now(); // not the turn's time: the fast ones are done within it
    Login login_;
    bool started_ = false;
    std::optional<LoginEnd> end_;
};

// SCRAM credentials that are on file, or derived from a known password by a worker: PBKDF2 is slow on purpose.
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
    bool genuine_ = false; // what the worker derives is a user's
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

} // namespace buzon::login
