// login/root_keeper.h - watches the current mail root: notices that it has gone, reopens it when it is back, and
// retries creating lock files after the disk was full. Workers do the disk I/O.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/local/opened_root.h"
#include "buzon/state/event_bus.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

class Locks;
class Maildrops;
class Users;

class RootKeeper final : private event::TimerHandler {
public:
    // openers: the workers that open mail roots.
    RootKeeper(event::EventLoop& loop, worker::Pool& openers, Locks& locks, Users& users, Maildrops& maildrops,
               state::EventBus& events);
    RootKeeper(const RootKeeper&) = delete;
    RootKeeper& operator=(const RootKeeper&) = delete;
    ~RootKeeper();

    // Sets a function that is called whenever a root comes into use, even one that was only away: the running workers
    // can reach only the previous one.
    void on_root(std::function<void()> then) { on_root_ = std::move(then); }

    // For startup. `why_without_locks`: why the lock files could not be created, if they could not; then creation is
    // retried.
    void begin(local::OpenedRoot opened, const std::string& why_without_locks);
    // Switches to another root for future logins.
    void use(local::OpenedRoot opened);

    [[nodiscard]] const message::MailRoot& root() const noexcept { return root_; }
    // For jobs::OpenRoot with an absolute path.
    [[nodiscard]] worker::Pool& openers() const noexcept { return openers_; }

    // Waits for a root that has gone. Destroying it cancels the wait.
    class Waiter {
    public:
        using OnEnd = std::function<void(bool usable)>;
        explicit Waiter(OnEnd then) : then_{std::move(then)} {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter();
        [[nodiscard]] bool waiting() const noexcept { return owner_ != nullptr; }

    private:
        friend class RootKeeper;
        OnEnd then_;
        RootKeeper* owner_ = nullptr;
    };

    // Whether the mail root is usable, as far as known. False: a worker checks whether it is back, and the waiter is
    // notified.
    [[nodiscard]] bool ready(Waiter& waiter);
    // Reports that the root with this mark has gone, or that its lock files no longer work.
    void gone(const message::RootMark& mark);
    // Reports that the process that keeps the locks has died, and its locks with it.
    void locks_lost();
    // Whether this error from locking suggests that the root has gone.
    [[nodiscard]] static bool is_sign(std::error_code why) noexcept;

private:
    void on_timer(event::Timer&) override { open_again(message::RootRequest::Why::locks); }
    void open_again(message::RootRequest::Why why);
    void opened_again(message::RootRequest::Why why, worker::Answer answer);
    void take(local::OpenedRoot opened);
    void keep_locks();
    void locks_kept(const worker::Answer& answer);
    void renew_locks(local::LockFiles files, const std::vector<message::HeldLock>& taken);
    void end_waits(bool usable);
    void log(state::Level level, const std::string& message);

    event::EventLoop& loop_;
    worker::Pool& openers_;
    Locks& locks_;
    Users& users_;
    Maildrops& maildrops_;
    state::EventBus& events_;
    std::function<void()> on_root_;
    message::MailRoot root_;
    bool away_ = false;
    worker::Pending opening_;
    event::Timer retry_{*this}; // as long as lock files cannot be created
    std::vector<Waiter*> waiters_;
    std::vector<Waiter*> heard_; // their result is known, and they are being notified
};

} // namespace buzon::login
