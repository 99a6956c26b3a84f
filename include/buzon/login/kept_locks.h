// login/kept_locks.h - the locks of one mail root, which may lie on a file system that hangs.
//
// On a file system of this machine the lock files are open here, and a lock costs a call. On any other, taking a lock
// or closing such a file may hang: there another process, buzon-locks, has the files open, and takes and frees locks as
// it is told. For it each maildrop is in one of these states:
//
//     free ── the first session comes ──► taking ──► held ── the last one goes ──► freeing ──► free
//                                            └── another process has it ──► free
//
// While it is neither free nor held, it counts as locked, and whoever wants it waits.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "buzon/local/lock.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

class KeptLocks;
class LockWaiter;

// Holds a maildrop; gives it back when destroyed.
class MaildropLock {
public:
    MaildropLock() = default;
    MaildropLock(std::shared_ptr<KeptLocks> owner, local::MaildropLock lock) noexcept
        : owner_{std::move(owner)}, lock_{std::move(lock)} {}
    MaildropLock(MaildropLock&&) noexcept = default;
    MaildropLock& operator=(MaildropLock&& other) noexcept;
    ~MaildropLock() { (void)release(); }

    // Whether others can have it from now on. False: soon, and the waiter hears of it.
    bool release(LockWaiter* waiter = nullptr) noexcept;
    [[nodiscard]] bool held() const noexcept { return lock_.held(); }

private:
    friend class KeptLocks;
    std::shared_ptr<KeptLocks> owner_;
    local::MaildropLock lock_;
};

using LockOutcome = std::variant<MaildropLock, local::LockHolder, std::error_code>;

// The wait for a lock, or for its release; destroying it gives it up.
class LockWaiter {
public:
    explicit LockWaiter(std::function<void()> then) : then_{std::move(then)} {}
    LockWaiter(const LockWaiter&) = delete;
    LockWaiter& operator=(const LockWaiter&) = delete;
    ~LockWaiter();
    [[nodiscard]] bool waiting() const noexcept { return owner_ != nullptr; }

private:
    friend class KeptLocks;
    std::function<void()> then_;
    std::shared_ptr<KeptLocks> owner_;   // none: it does not wait
    std::uint64_t hash_ = 0;             // of what it waits for
    std::optional<LockOutcome> outcome_; // of what it asked for
};

class KeptLocks final : public std::enable_shared_from_this<KeptLocks> {
public:
    using Outcome = LockOutcome;
    using Waiter = LockWaiter;

    explicit KeptLocks(local::LockFiles files) : table_{std::move(files)} {}
    KeptLocks(const KeptLocks&) = delete;
    KeptLocks& operator=(const KeptLocks&) = delete;

    // The process that has the lock files open, and the one before it, if any, is forgotten with all that it held.
    void use(std::unique_ptr<worker::Pool> keeper);
    [[nodiscard]] worker::Pool* keeper() const noexcept { return keeper_.get(); }

    // Nothing: that takes a moment. The waiter hears when it is to ask again.
    [[nodiscard]] std::optional<Outcome> take(std::string_view place, message::LockKind kind, std::uint64_t session,
                                              Waiter& waiter);
    // As MaildropLocks has them.
    [[nodiscard]] std::vector<message::HeldLock> held() const { return table_.held(); }
    void let_go() noexcept;
    [[nodiscard]] std::size_t renew(local::LockFiles files, std::span<const message::HeldLock> taken);

private:
    friend class MaildropLock;
    friend class LockWaiter;
    enum class State : std::uint8_t { taking, held, freeing };
    // A maildrop as the keeper has it.
    struct Kept {
        State state = State::taking;
        local::MaildropLock lock; // ours while it is neither free nor held
        Waiter* asker = nullptr;  // who shall have it; waits as well
        worker::Pending job;
    };

    void start_taking(const message::HeldLock& what, local::MaildropLock lock, Waiter& asker);
    void taken(std::uint64_t hash, const worker::Answer& answer);
    bool free(local::MaildropLock lock, Waiter* waiter) noexcept;
    void start_freeing(std::uint64_t hash, Kept& kept) noexcept;
    void free_the_unsent() noexcept;
    void freed(std::uint64_t hash);
    void wait(Waiter& waiter, std::uint64_t hash);
    void tell_those_who_wait_for(std::uint64_t hash);
    void tell();
    void forget(Waiter& waiter) noexcept;

    local::MaildropLocks table_; // between the sessions of this process, and for local files between processes, too
    std::unique_ptr<worker::Pool> keeper_;
    std::unordered_map<std::uint64_t, Kept> kept_; // by the user's hash
    std::list<Waiter*> waiters_;
    std::list<Waiter*> heard_; // about to hear
    bool unsent_ = false;      // some that are to be freed are still to be said to the keeper
};

} // namespace buzon::login
