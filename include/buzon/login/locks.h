// login/locks.h - tracks which maildrops are in use (RFC 1939 section 4: one session per maildrop), by sessions of this
// server and of other servers on the same mail root.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "buzon/local/lock.h"
#include "buzon/login/kept_locks.h"
#include "buzon/state/settings.h"

namespace buzon::login {

// Knows the sessions that hold maildrops.
class Holders {
public:
    // Another session wants the maildrop that this session holds. True: its client was dead, and the maildrop is free
    // now.
    [[nodiscard]] virtual bool give_way(std::uint64_t session) = 0;

protected:
    ~Holders() = default;
};

class Locks {
public:
    // Sets the object that is asked before a session is refused; null for none.
    void ask(Holders* holders) noexcept { holders_ = holders; }

    // Creates the process that keeps locks on file systems that may hang (login/kept_locks.h).
    using MakeKeeper = std::function<std::unique_ptr<worker::Pool>()>;
    void keep_by(MakeKeeper make) { make_keeper_ = std::move(make); }
    // The keeper process of the current mail root.
    [[nodiscard]] worker::Pool& keeper();

    // Uses the locks of this mail root for future logins. Locks already held stay held.
    void use(const std::string& root, local::LockFiles files);
    // The locks held, and two steps to replace the lock files of the current mail root: see local::MaildropLocks.
    [[nodiscard]] std::vector<message::HeldLock> held() const;
    void let_go() noexcept;
    [[nodiscard]] std::size_t renew(local::LockFiles files, std::span<const message::HeldLock> taken);

    // A holder whose client is certainly gone is displaced. Exclusive and shared holders exclude each other, whatever
    // rule was in force when the holder logged in. A maildrop is identified by its path relative to the mail root,
    // because another server or host may reach that root by another path.
    using Outcome = KeptLocks::Outcome;
    using Waiter = KeptLocks::Waiter;
    // std::nullopt: the waiter is notified when it should try again.
    [[nodiscard]] std::optional<Outcome> take(const std::string& maildir, state::SessionRule rule,
                                              std::uint64_t session, Waiter& waiter);

private:
    std::shared_ptr<KeptLocks> locks_;
    std::string root_; // with a trailing slash
    Holders* holders_ = nullptr;
    MakeKeeper make_keeper_;
};

} // namespace buzon::login
