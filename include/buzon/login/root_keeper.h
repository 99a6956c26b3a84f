// login/root_keeper.h - the mail root in force: notices that it has gone, takes it again when it is back, and makes
// lock files that a full disk had no room for. Workers look at the disk.
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
    RootKeeper(event::EventLoop& loop, worker::Pool& disk, Locks& locks, Users& users, Maildrops& maildrops,
               state::EventBus& events);
    RootKeeper(const RootKeeper&) = delete;
    RootKeeper& operator=(const RootKeeper&) = delete;
    ~RootKeeper();

    // At the start. Where its lock files could not be made, and why: they are tried again.
    void begin(local::OpenedRoot opened, const std::string& why_without_locks);
    // Another root, for logins from now on.
    void use(local::OpenedRoot opened);

    [[nodiscard]] const message::MailRoot& root() const noexcept { return root_; }

    // The wait for a root that has gone; destroying it gives it up.
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

    // Whether there is a mail root, as far as is known. False: a worker looks whether it is back, and the waiter hears.
    [[nodiscard]] bool ready(Waiter& waiter);
    // Somebody has found that the root of this mark has gone, or that its lock files cannot be used any more.
    void gone(const message::RootMark& mark);
    // The process that keeps the locks has died, and they with it.
    void locks_lost();
    // Whether a lock that failed so is a sign of that.
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
    worker::Pool& disk_;
    Locks& locks_;
    Users& users_;
    Maildrops& maildrops_;
    state::EventBus& events_;
    message::MailRoot root_;
    bool away_ = false;
    worker::Pending opening_;
    event::Timer retry_{*this}; // while the lock files could not be made
    std::vector<Waiter*> waiters_;
    std::vector<Waiter*> heard_; // their answers have come, and they are being told
};

} // namespace buzon::login
