#include "buzon/login/locks.h"

namespace buzon::login {

void Locks::use(const std::string& root, local::LockFiles files) {
    locks_ = std::make_shared<KeptLocks>(std::move(files));
    root_ = root + '/';
}

std::vector<message::HeldLock> Locks::held() const {
    return locks_ ? locks_->held() : std::vector<message::HeldLock>{};
}

void Locks::let_go() noexcept {
    if (locks_) locks_->let_go();
}

std::size_t Locks::renew(local::LockFiles files, std::span<const message::HeldLock> taken) {
    return locks_->renew(std::move(files), taken);
}

worker::Pool& Locks::keeper() {
    if (!locks_->keeper()) locks_->use(make_keeper_());
    return *locks_->keeper();
}

std::optional<Locks::Outcome> Locks::take(const std::string& maildir, state::SessionRule rule, std::uint64_t session,
                                          Waiter& waiter) {
    if (!locks_) return std::make_error_code(std::errc::no_lock_available);
    const auto kind = rule == state::SessionRule::exclusive ? message::LockKind::exclusive : message::LockKind::shared;
    const std::string_view place = std::string_view{maildir}.substr(maildir.starts_with(root_) ? root_.size() : 0);
    for (;;) {
        std::optional<Outcome> outcome = locks_->take(place, kind, session, waiter);
        // Asks each session that shares the maildrop until one is alive.
        const auto* const holder = outcome ? std::get_if<local::LockHolder>(&*outcome) : nullptr;
        if (!holder || !holder->here || !holders_ || !holders_->give_way(holder->session)) return outcome;
    }
}

} // namespace buzon::login
