// login/opening.h - opens the maildrop of one login: waits for the mail root, locks the maildrop, gets its snapshot.
// Knows no secrets. Never blocks.
//
//   start() ─► the root is there ─► the lock is taken ─► the snapshot has come: LoggedIn
//                 ▲                      └──────────────────┴── the root has gone: once more, once;
//                 └── DIRR has chosen another root: once more, there
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "buzon/login/locks.h"
#include "buzon/login/login_needs.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"

namespace buzon::login {

class Opening {
public:
    // Called at most once, perhaps from within start(). It may destroy this object.
    using OnEnd = std::function<void(LoginEnd)>;

    // `user`: the name given by the client; must outlive the opening. `folder`: the name refers to a folder of a user.
    Opening(LoginNeeds& needs, std::uint64_t session, const std::string& user, bool folder, OnEnd then);
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;

    void start();
    // Holds the maildrop's lock, or waits for it or for the root.
    [[nodiscard]] bool under_way() const noexcept {
        return lock_.held() || root_waiter_.waiting() || lock_waiter_.waiting();
    }

private:
    template <class Step>
    void go_on(Step step);
    void take_lock();
    void load();
    [[nodiscard]] bool has_moved() const; // the root in use is another one than root_
    void root_gone();
    void try_again();
    void loaded(SnapshotResult result);
    void breaker_tripped(const message::UidlChange& change);
    void refuse(pop3::Refusal why, state::Refused reason, std::string cause);
    void end(LoginEnd what);

    LoginNeeds& needs_;
    std::uint64_t session_;
    const std::string& user_;
    bool folder_;
    OnEnd then_;
    std::string maildir_;
    MaildropLock lock_;
    Locks::Waiter lock_waiter_;
    Maildrops::Waiter waiter_;
    RootKeeper::Waiter root_waiter_;
    message::MailRoot root_;  // in which we look for the maildrop; none before the first try
    bool second_try_ = false; // after the root had gone
};

} // namespace buzon::login
