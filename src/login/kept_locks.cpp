#include "buzon/login/kept_locks.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/jobs/jobs.h"

namespace buzon::login {
namespace {

constexpr std::chrono::seconds before_next_try{1}; // to send a release that could not be sent

} // namespace

MaildropLock& MaildropLock::operator=(MaildropLock&& other) noexcept {
    if (this == &other) return *this;
    (void)release();
    owner_ = std::move(other.owner_);
    lock_ = std::move(other.lock_);
    return *this;
}

bool MaildropLock::release(LockWaiter* waiter) noexcept {
    const std::shared_ptr<KeptLocks> owner = std::exchange(owner_, nullptr);
    return !lock_.held() || owner->free(std::move(lock_), waiter);
}

LockWaiter::~LockWaiter() {
    if (owner_) owner_->forget(*this);
}

void KeptLocks::use(std::unique_ptr<worker::Pool> keeper) {
    const auto self = shared_from_this();
    const auto before = std::exchange(keeper_, std::move(keeper)); // its locks are released when the process ends
    const auto kept = std::exchange(kept_, {});
    for (const auto& [hash, one] : kept)
        if (one.asker) one.asker->outcome_ = std::error_code{ESTALE, std::system_category()};
    heard_.splice(heard_.end(), waiters_);
    tell();
}

std::optional<KeptLocks::Outcome> KeptLocks::take(std::string_view place, message::LockKind kind, std::uint64_t session,
                                                  Waiter& waiter) {
    if (waiter.outcome_) return *std::exchange(waiter.outcome_, std::nullopt);
    if (unsent_) free_the_unsent();
    const std::uint64_t hash = local::MaildropLocks::hash_of(place);
    const auto at = kept_.find(hash);
    if (at != kept_.end() && at->second.state != State::held) {
        wait(waiter, hash);
        return std::nullopt;
    }
    local::MaildropLocks::Outcome outcome = table_.lock(place, kind, session);
    if (auto* const lock = std::get_if<local::MaildropLock>(&outcome)) {
        if (!keeper_ || at != kept_.end()) return MaildropLock{shared_from_this(), std::move(*lock)};
        start_taking({hash, kind}, std::move(*lock), waiter);
        return std::nullopt;
    }
    if (const auto* const holder = std::get_if<local::LockHolder>(&outcome)) return *holder;
    return std::get<std::error_code>(outcome);
}

void KeptLocks::start_taking(const message::HeldLock& what, local::MaildropLock lock, Waiter& asker) {
    Kept& kept = kept_[what.hash];
    event::guarded(
        [&] {
            wait(asker, what.hash);
            kept.job = keeper_->submit(jobs::order(jobs::Lock{what}),
                                       [this, hash = what.hash](const worker::Answer& answer) { taken(hash, answer); });
        },
        [&] {
            kept_.erase(what.hash);
            forget(asker);
            throw std::bad_alloc{};
        });
    kept.lock = std::move(lock);
    kept.asker = &asker;
}

void KeptLocks::taken(std::uint64_t hash, const worker::Answer& answer) {
    const auto said = jobs::read<jobs::Lock>(answer);
    const auto at = kept_.find(hash);
    if (at == kept_.end()) return;
    const auto self = shared_from_this();
    Kept& kept = at->second;
    Waiter* const asker = std::exchange(kept.asker, nullptr);
    if (!said.why && said.answer.done && !asker) return start_freeing(hash, kept); // the session has gone meanwhile
    Outcome outcome = said.why;
    if (!said.why && said.answer.done) {
        kept.state = State::held;
        kept.job = {};
        outcome = MaildropLock{self, std::move(kept.lock)};
    } else {
        if (!said.why) outcome = local::LockHolder{};
        kept_.erase(at);
    }
    if (asker) asker->outcome_ = std::move(outcome);
    tell_those_who_wait_for(hash);
}

bool KeptLocks::free(local::MaildropLock lock, Waiter* waiter) noexcept {
    const std::uint64_t hash = lock.hash();
    const auto at = kept_.find(hash);
    if (at == kept_.end() || !lock.alone()) return true; // destroying the lock releases it
    const auto self = shared_from_this();
    at->second.lock = std::move(lock);
    start_freeing(hash, at->second);
    bool waits = waiter != nullptr;
    if (waiter) event::guarded([&] { wait(*waiter, hash); }, [&] { waits = false; });
    return !waits;
}

void KeptLocks::start_freeing(std::uint64_t hash, Kept& kept) noexcept {
    kept.state = State::freeing;
    event::guarded(
        [&] {
            kept.job = keeper_->submit(jobs::order(jobs::Unlock{hash}), [this, hash](const worker::Answer& answer) {
                if (answer.fate == worker::Fate::refused)
                    not_sent();
                else
                    freed(hash);
            });
        },
        [this] { not_sent(); });
}

// The release is sent again a little later, because somebody's QUIT may wait for it. If there is no memory even for the
// timer, the next login sends it.
void KeptLocks::not_sent() noexcept {
    unsent_ = true;
    event::EventLoop& loop = keeper_->loop();
    event::guarded([&] { retry_.arm(loop.timers(), loop.now() + before_next_try); }, [] {});
}

// Locks whose release could not be sent, for lack of memory, count as locked until it is sent.
void KeptLocks::free_the_unsent() noexcept {
    unsent_ = false;
    for (auto& [hash, kept] : kept_)
        if (kept.state == State::freeing && !kept.job.waiting()) start_freeing(hash, kept);
}

// An error has the same effect: the keeper has ended, and its locks with it.
void KeptLocks::freed(std::uint64_t hash) {
    const auto self = shared_from_this();
    kept_.erase(hash);
    tell_those_who_wait_for(hash);
}

void KeptLocks::let_go() noexcept {
    table_.let_go();
    event::guarded([this] { use(nullptr); }, [] {});
}

std::size_t KeptLocks::renew(local::LockFiles files, std::span<const message::HeldLock> taken) {
    const std::vector<message::HeldLock> held = table_.held();
    if (keeper_) {
        for (const message::HeldLock& one : held) {
            const auto [at, fresh] = kept_.try_emplace(one.hash);
            if (fresh) at->second.state = State::held;
        }
        for (const message::HeldLock& one : taken) {
            if (kept_.contains(one.hash)) continue;
            start_freeing(one.hash, kept_[one.hash]); // its session has gone meanwhile
        }
    }
    return table_.use(std::move(files), taken);
}

void KeptLocks::wait(Waiter& waiter, std::uint64_t hash) {
    waiters_.push_back(&waiter);
    waiter.owner_ = shared_from_this();
    waiter.hash_ = hash;
}

void KeptLocks::tell_those_who_wait_for(std::uint64_t hash) {
    for (auto at = waiters_.begin(); at != waiters_.end();) {
        const auto here = at++;
        if ((*here)->hash_ == hash) heard_.splice(heard_.end(), waiters_, here);
    }
    tell();
}

// Each waiter may destroy itself or others. Allocates no memory, so that every waiter is notified.
void KeptLocks::tell() {
    while (!heard_.empty()) {
        Waiter* const waiter = heard_.front();
        heard_.pop_front();
        const auto self = std::exchange(waiter->owner_, nullptr);
        const std::function<void()> then = waiter->then_;
        then();
    }
}

void KeptLocks::forget(Waiter& waiter) noexcept {
    const auto self = std::exchange(waiter.owner_, nullptr);
    waiters_.remove(&waiter);
    heard_.remove(&waiter);
    const auto at = kept_.find(waiter.hash_);
    if (at != kept_.end() && at->second.asker == &waiter) at->second.asker = nullptr;
}

} // namespace buzon::login
