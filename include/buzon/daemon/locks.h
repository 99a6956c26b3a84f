// daemon/locks.h - which maildrops are in use (RFC 1939 section 4: one session a maildrop), by this server's sessions
// and by those of other servers on the same mail root.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "buzon/mail/lock.h"
#include "buzon/state/settings.h"

namespace buzon::daemon {

// Holds a maildrop; gives it back when destroyed.
class MaildropLock {
public:
    MaildropLock() = default;
    explicit MaildropLock(mail::MaildropLock lock) : lock_{std::move(lock)} {}
    void release() noexcept { lock_.release(); }
    [[nodiscard]] bool held() const noexcept { return lock_.held(); }

private:
    mail::MaildropLock lock_;
};

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

    // The locks of a mail root, for logins from now on; those held stay held.
    void use(const std::string& root, mail::LockFiles files);
    // The same mail root has other lock files (mail/lock.h).
    [[nodiscard]] std::vector<mail::HeldLock> held() const;
    void let_go() noexcept;
    [[nodiscard]] std::size_t renew(mail::LockFiles files, std::span<const mail::HeldLock> taken);

    // A holder whose client is gone for certain is displaced. Exclusive and shared holders exclude each other, whatever
    // the rule was when the holder came. A maildrop is known by its
    // place below the mail root: another server, or another host, may reach that root by another path.
    using Outcome = std::variant<MaildropLock, mail::LockHolder, std::error_code>;
    [[nodiscard]] Outcome take(const std::string& maildir, state::SessionRule rule, std::uint64_t session);

private:
    std::optional<mail::MaildropLocks> locks_;
    std::string root_; // with a slash at its end
    Holders* holders_ = nullptr;
};

} // namespace buzon::daemon
