#include "buzon/daemon/locks.h"

namespace buzon::daemon {

void Locks::use(const std::string& root, mail::LockFiles files) {
    locks_.emplace(std::move(files));
    root_ = root + '/';
}

std::vector<mail::HeldLock> Locks::held() const {
    return locks_ ? locks_->held() : std::vector<mail::HeldLock>{};
}

void Locks::let_go() noexcept {
    if (locks_) locks_->let_go();
}

std::size_t Locks::renew(mail::LockFiles files, std::span<const mail::HeldLock> taken) {
    return locks_->use(std::move(files), taken);
}

Locks::Outcome Locks::take(const std::string& maildir, state::SessionRule rule, std::uint64_t session) {
    if (!locks_) return std::make_error_code(std::errc::no_lock_available);
    const auto kind = rule == state::SessionRule::exclusive ? mail::LockKind::exclusive : mail::LockKind::shared;
    const std::string_view place = std::string_view{maildir}.substr(maildir.starts_with(root_) ? root_.size() : 0);
    mail::MaildropLocks::Outcome outcome = locks_->lock(place, kind, session);
    // Of several that share it each is asked, until one of them is alive.
    for (const auto* holder = std::get_if<mail::LockHolder>(&outcome); holder && holder->here && holders_;
         holder = std::get_if<mail::LockHolder>(&outcome)) {
        if (!holders_->give_way(holder->session)) break;
        outcome = locks_->lock(place, kind, session);
    }
    if (auto* lock = std::get_if<mail::MaildropLock>(&outcome)) return MaildropLock{std::move(*lock)};
    if (const auto* holder = std::get_if<mail::LockHolder>(&outcome)) return *holder;
    return std::get<std::error_code>(outcome);
}

} // namespace buzon::daemon
