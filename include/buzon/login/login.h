// login/login.h - one login attempt: waits for its turn (the throttle), checks the secret, opens the maildrop. Never
// blocks.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "buzon/auth/turns.h"
#include "buzon/login/login_needs.h"
#include "buzon/login/opening.h"
#include "buzon/login/secret_check.h"
#include "buzon/login/users.h"
#include "buzon/net/address.h"

namespace buzon::login {

// Where the client is, as far as we can tell.
struct ClientInfo {
    // `local`: on this machine, not behind a front end. Its attempts are never delayed, because all users of webmail,
    // or of a front end without PROXY headers, share one address. `behind_front`: a client whose front end does not
    // tell us its address.
    enum class Place : std::uint8_t { network, local, behind_front };

    net::Endpoint address; // the client's, even if a front end passed the connection on
    bool secure = false;   // the connection is protected from eavesdropping
    Place place = Place::network;
    bool tls = false; // on the connection to us or to the front end
};

// Asks for the turn of an attempt at `account`, whose time ends at `until`. Clients on this machine and users with
// nodelay need not wait.
[[nodiscard]] auth::Turns::Answer ask_for_turn(LoginNeeds& needs, auth::Turns::Try& one, ClientInfo::Place place,
                                               const net::Ip& ip, const std::string& account, event::Instant until);
// For an attempt that would have to wait too long.
[[nodiscard]] LoginRefused refused_by_throttle();

// The throttle comes first, so that right and wrong secrets wait equally long. A client that has proved who it is
// (pop3::Authenticated) has waited already (AwaitTurn).
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
    // The secret was right, and the client is now waiting for its maildrop.
    [[nodiscard]] bool opening() const noexcept { return opening_.under_way(); }

private:
    void your_turn() override;
    void too_long() override;
    template <class Step>
    void go_on(Step step);
    void checked(Checked what);
    void count(auth::Turns::Verdict verdict);
    void tell_of_guessing(std::string_view key, const std::string& who);
    void opened(LoginEnd what);
    void refuse(pop3::Refusal why, state::Refused reason, std::string cause,
                std::optional<std::uint32_t> seconds = std::nullopt);
    void end(LoginEnd what);

    LoginNeeds& needs_;
    std::uint64_t session_;
    net::Ip ip_;
    ClientInfo::Place place_;
    event::Instant until_;
    std::string user_; // as the client gave it
    Users::Account account_;
    OnEnd then_;
    bool has_waited_;
    bool starting_ = false;
    std::optional<LoginEnd> early_; // the result, if known while start() still runs
    SecretCheck check_;
    Checked checked_; // its result
    Opening opening_;
};

} // namespace buzon::login
