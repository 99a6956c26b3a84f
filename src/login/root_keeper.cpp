#include "buzon/login/root_keeper.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "buzon/jobs/jobs.h"
#include "buzon/jobs/opened_root.h"
#include "buzon/login/locks.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/users.h"

namespace buzon::login {
namespace {

using namespace std::chrono_literals;

constexpr auto between_tries = 5s; // attempts to create lock files on a full disk

} // namespace

RootKeeper::Waiter::~Waiter() {
    if (!owner_) return;
    std::erase(owner_->waiters_, this);
    std::erase(owner_->heard_, this);
}

RootKeeper::RootKeeper(event::EventLoop& loop, worker::Pool& openers, Locks& locks, Users& users, Maildrops& maildrops,
                       state::EventBus& events)
    : loop_{loop}, openers_{openers}, locks_{locks}, users_{users}, maildrops_{maildrops}, events_{events} {}

RootKeeper::~RootKeeper() {
    for (const auto* list : {&waiters_, &heard_})
        for (Waiter* const waiter : *list) waiter->owner_ = nullptr;
}

void RootKeeper::begin(local::OpenedRoot opened, const std::string& why_without_locks) {
    use(std::move(opened));
    if (why_without_locks.empty()) return;
    retry_.arm(loop_.timers(), loop_.now() + between_tries);
    log(state::Level::warning, why_without_locks + "; until then, locks work only within this server, "
                                                   "so no other server may serve this mail root");
}

void RootKeeper::use(local::OpenedRoot opened) {
    const bool same = opened.root.path == root_.path && opened.root.mark == root_.mark;
    if (same && opened.files.elsewhere() && !away_) return; // the keeper process already has its locks
    opening_ = {};
    retry_.disarm();
    away_ = false;
    if (opened.root.path == root_.path) return take(std::move(opened));
    root_ = opened.root;
    users_.set_root(root_.path);
    if (on_root_) on_root_();
    const bool elsewhere = opened.files.elsewhere();
    locks_.use(root_.path, std::move(opened.files));
    maildrops_.use(root_);
    if (elsewhere) keep_locks();
    end_waits(true);
}

// For a root at the same path as the current one: held locks stay held.
void RootKeeper::take(local::OpenedRoot opened) {
    root_ = opened.root;
    if (on_root_) on_root_();
    maildrops_.use(root_);
    if (opened.files.elsewhere()) return keep_locks();
    renew_locks(std::move(opened.files), opened.taken);
    end_waits(true);
}

// On a file system that may hang, another process opens the lock files. Nobody can log in until it has.
void RootKeeper::keep_locks() {
    away_ = true;
    locks_.keeper().renew(root_.path);
    const jobs::KeepLocks job{{message::RootRequest::Why::return_, root_, locks_.held()}};
    opening_ = locks_.keeper().submit(jobs::order(job), [this](const worker::Answer& answer) { locks_kept(answer); });
}

void RootKeeper::locks_kept(const worker::Answer& answer) {
    const auto said = jobs::read<jobs::KeepLocks>(answer);
    if (said.why) {
        log(state::Level::error, said.answer.at_fault + ": " + message::words_for(said.why, said.answer.at_fault));
        return end_waits(false);
    }
    away_ = false;
    root_.mark = said.answer.root.mark;
    maildrops_.use(root_);
    renew_locks(local::LockFiles::of_another_process(root_.mark), said.answer.taken);
    end_waits(true);
}

void RootKeeper::locks_lost() {
    if (away_) return;
    log(state::Level::warning,
        "the process that holds the locks on maildrops has died; a new one is taking them again");
    keep_locks();
}

void RootKeeper::renew_locks(local::LockFiles files, const std::vector<message::HeldLock>& taken) {
    if (const std::size_t lost = locks_.renew(std::move(files), taken); lost > 0) {
        log(state::Level::warning,
            std::to_string(lost) + " maildrops open in sessions here are also open in another server");
    }
}

bool RootKeeper::ready(Waiter& waiter) {
    if (!away_) return true;
    waiter.owner_ = this;
    waiters_.push_back(&waiter);
    if (!opening_.waiting()) open_again(message::RootRequest::Why::return_);
    return false;
}

void RootKeeper::gone(const message::RootMark& mark) {
    if (away_ || mark != root_.mark) return;
    away_ = true;
    opening_ = {};
    retry_.disarm();
    locks_.let_go();
    log(state::Level::error, root_.path +
                                 " is not the same mail root as before: nobody can log in until a directory with "
                                 "buzon-locks in it is back at that path");
}

bool RootKeeper::is_sign(std::error_code why) noexcept {
    constexpr std::array signs = {ESTALE,   ENOTRECOVERABLE, EIO,       ENODEV,   ENXIO,
                                  ENOTCONN, ESHUTDOWN,       EHOSTDOWN, ETIMEDOUT};
    return std::find(signs.begin(), signs.end(), why.value()) != signs.end();
}

void RootKeeper::open_again(message::RootRequest::Why why) {
    const message::RootRequest request{why, root_, locks_.held()};
    opening_ = openers_.submit(jobs::order(jobs::OpenRoot{request}),
                               [this, why](worker::Answer answer) { opened_again(why, std::move(answer)); });
}

void RootKeeper::opened_again(message::RootRequest::Why why, worker::Answer answer) {
    jobs::RootAnswer said = jobs::read_opened_root(std::move(answer), root_.path);
    if (!said.opened) {
        if (why == message::RootRequest::Why::return_) return end_waits(false);
        if (said.opened.error() == message::root_has_gone()) return gone(root_.mark);
        return retry_.arm(loop_.timers(), loop_.now() + between_tries);
    }
    if (why == message::RootRequest::Why::locks)
        log(state::Level::notice, root_.path + "/buzon-locks was created: locks now work between servers");
    if (std::exchange(away_, false)) log(state::Level::notice, root_.path + " is back in use");
    take(std::move(said.opened).value());
}

void RootKeeper::end_waits(bool usable) {
    heard_.insert(heard_.end(), waiters_.begin(), waiters_.end());
    waiters_.clear(); // waiters that are added from here on wait for the next result
    while (!heard_.empty()) {
        Waiter* const waiter = heard_.back();
        heard_.pop_back();
        waiter->owner_ = nullptr;
        const Waiter::OnEnd then = waiter->then_; // the waiter may be destroyed, or wait again
        then(usable);                             // it may cancel other waits
    }
}

void RootKeeper::log(state::Level level, const std::string& message) {
    events_.log(level, std::chrono::system_clock::now(), message);
}

} // namespace buzon::login
