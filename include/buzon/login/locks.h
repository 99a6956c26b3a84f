// login/locks.h - which maildrops are in use (RFC 1939 section 4: one session a maildrop), by this server's sessions
// and by those of other servers on the same mail root.
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
    // Another session wants what this one holds. True: it was a dead client's, and is free now.
    [[nodiscard]] virtual bool give_way(std::uint64_t session) = 0;

protected:
    ~Holders() = default;
};

class Locks {
public:
    // Who is asked before somebody is refused. Null: nobody.
    void ask(Holders* holders) noexcept { holders_ = holders; }

    // Makes the process that keeps locks on file systems that may hang (login/kept_locks.h).
    using MakeKeeper = std::function<std::unique_ptr<worker::Pool>()>;
    void keep_by(MakeKeeper make) { make_keeper_ = std::move(make); }
    // It, of the mail root in force.
    [[nodiscard]] worker::Pool& keeper();

    // The locks of a mail root, for logins from now on; those held stay held.
    void use(const std::string& root, local::LockFiles files);
    // The same mail root has other lock files (local/lock.h).
    [[nodiscard]] std::vector<message::HeldLock> held() const;
    void let_go() noexcept;
    [[nodiscard]] std::size_t renew(local::LockFiles files, std::span<const message::HeldLock> taken);

    // A holder whose client is gone for certain is displaced. Exclusive and shared holders exclude each other, whatever
    // the rule was when the holder came. A maildrop is known by its
    // place below the mail root: another server, or another host, may reach that root by another path.
    using Outcome = KeptLocks::Outcome;
    using Waiter = KeptLocks::Waiter;
    // Nothing: the waiter hears when it is to ask again.
    [[nodiscard]] std::optional<Outcome> take(const std::string& maildir, state::SessionRule rule,
                                              std::uint64_t session, Waiter& waiter);

private:
    std::shared_ptr<KeptLocks> locks_;
    std::string root_; // with a slash at its end
    Holders* holders_ = nullptr;
    MakeKeeper make_keeper_;
};

} // namespace buzon::login
