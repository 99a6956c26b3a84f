// login/login_needs.h - what one login attempt uses, and how it may end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "buzon/auth/user_base.h"
#include "buzon/jobs/hash_workers.h"
#include "buzon/login/kept_locks.h"
#include "buzon/message/maildrop.h"
#include "buzon/pop3/action.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"

namespace buzon::upkeep {
class Reports;
} // namespace buzon::upkeep

namespace buzon::login {

class Locks;
class Logins;
class Maildrops;
class RootKeeper;
class Users;

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

// A successful login.
struct LoggedIn {
    message::Maildrop maildrop;
    std::string maildir;
    posix::Ids owner;   // of the Maildir, as far as the users file says
    bool local = false; // Maildrops::is_local
    bool here = false;  // Maildrops::may_touch
    MaildropLock lock;
    std::string label = {}; // of the application password; empty: none
    auth::Rights rights = auth::Rights::all;
};
struct LoginRefused {
    pop3::Refusal why = pop3::Refusal::temporary;
    std::optional<std::uint32_t> seconds = {}; // for Session::login_refused()
    std::string cause = {};                    // further details, for the log only
    state::Refused reason = state::Refused::check_failed;
    std::string token_error = {}; // sent to the client if its token was wrong
};
using LoginEnd = std::variant<LoggedIn, LoginRefused>;

} // namespace buzon::login
