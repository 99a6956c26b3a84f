// login/kept_locks.h - the locks of one mail root, which may be on a file system that hangs.
//
// On a local file system this process opens the lock files itself, and taking a lock costs one system call. On any
// other file system, taking a lock or closing a lock file may hang. There a separate process, buzon-locks, opens the
// files and takes and releases locks on request. Seen from here, each maildrop is then in one of these states:
//
//     free ── the first session comes ──► taking ──► held ── the last one goes ──► freeing ──► free
//                                            └── another process has it ──► free
//
// While a maildrop is being taken or freed, it counts as locked, and sessions that want it wait.
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

#include "buzon/event/event_loop.h"
#include "buzon/local/lock.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

class KeptLocks;
class LockWaiter;

// Holds a maildrop until destroyed.
class MaildropLock {
public:
    MaildropLock() = default;
    MaildropLock(std::shared_ptr<KeptLocks> owner, local::MaildropLock lock) noexcept
        : owner_{std::move(owner)}, lock_{std::move(lock)} {}
    MaildropLock(MaildropLock&&) noexcept = default;
    MaildropLock& operator=(MaildropLock&& other) noexcept;
    ~MaildropLock() { (void)release(); }

    // True: other sessions can take the maildrop now. False: they can soon, and the waiter is notified.
    bool release(LockWaiter* waiter = nullptr) noexcept;
    [[nodiscard]] bool held() const noexcept { return lock_.held(); }

private:
    friend class KeptLocks;
    std::shared_ptr<KeptLocks> owner_;
    local::MaildropLock lock_;
};

using LockOutcome = std::variant<MaildropLock, local::LockHolder, std::error_code>;

// Waits for a lock or for its release. Destroying it cancels the wait.
class LockWaiter {
public:
    explicit LockWaiter(std::function<void()> then) : then_{std::move(then)} {}
    LockWaiter(const LockWaiter&) = delete;
    LockWaiter& operator=(const LockWaiter&) = delete;
    ~LockWaiter();
    [[nodiscard]] bool waiting() const noexcept { return owner_ != nullptr; }
    // Call it if the requested lock is of no use any more. A lock that has come is released.
    void drop_outcome() noexcept { outcome_.reset(); }

private:
    friend class KeptLocks;
    std::function<void()> then_;
    std::shared_ptr<KeptLocks> owner_;   // null: not waiting
    std::uint64_t hash_ = 0;             // of the lock it waits for
    std::optional<LockOutcome> outcome_; // of the lock it requested
};

class KeptLocks final : public std::enable_shared_from_this<KeptLocks>, private event::TimerHandler {
public:
    using Outcome = LockOutcome;
    using Waiter = LockWaiter;

    explicit KeptLocks(local::LockFiles files) : table_{std::move(files)} {}
    KeptLocks(const KeptLocks&) = delete;
    KeptLocks& operator=(const KeptLocks&) = delete;

    // Sets the process that has the lock files open. The previous one, if any, is dropped with all its locks.
    void use(std::unique_ptr<worker::Pool> keeper);
    [[nodiscard]] worker::Pool* keeper() const noexcept { return keeper_.get(); }

    // std::nullopt: the lock is not available yet; the waiter is notified when it should try again.
    [[nodiscard]] std::optional<Outcome> take(std::string_view place, message::LockKind kind, std::uint64_t session,
                                              Waiter& waiter);
    // See MaildropLocks.
    [[nodiscard]] std::vector<message::HeldLock> held() const { return table_.held(); }
    void let_go() noexcept;
    [[nodiscard]] std::size_t renew(local::LockFiles files, std::span<const message::HeldLock> taken);

private:
    friend class MaildropLock;
    friend class LockWaiter;
    enum class State : std::uint8_t { taking, held, freeing };
    // The state of a maildrop in the keeper process.
    struct Kept {
        State state = State::taking;
        local::MaildropLock lock; // ours while taking or freeing
        Waiter* asker = nullptr;  // the session that will get the lock; also in waiters_
        worker::Pending job;
    };

    void start_taking(const message::HeldLock& what, local::MaildropLock lock, Waiter& asker);
    void taken(std::uint64_t hash, const worker::Answer& answer);
    bool free(local::MaildropLock lock, Waiter* waiter) noexcept;
    void start_freeing(std::uint64_t hash, Kept& kept) noexcept;
    void not_sent() noexcept;
    void free_the_unsent() noexcept;
    void on_timer(event::Timer&) override { free_the_unsent(); }
    void freed(std::uint64_t hash);
    void wait(Waiter& waiter, std::uint64_t hash);
    void tell_those_who_wait_for(std::uint64_t hash);
    void tell();
    void forget(Waiter& waiter) noexcept;

    local::MaildropLocks table_; // between the sessions of this process; for local files, also between processes
    std::unique_ptr<worker::Pool> keeper_;
    std::unordered_map<std::uint64_t, Kept> kept_; // by the maildrop's hash
    std::list<Waiter*> waiters_;
    std::list<Waiter*> heard_; // to be notified
    bool unsent_ = false;      // some releases have not reached the keeper yet
    event::Timer retry_{*this};
};

} // namespace buzon::login
