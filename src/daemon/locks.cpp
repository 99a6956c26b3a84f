#include "buzon/daemon/locks.h"

namespace buzon::daemon {

void MaildropLock::release() noexcept {
    if (!locks_) return;
    Locks& locks = *std::exchange(locks_, nullptr);
    const auto found = locks.held_.find(maildir_);
    if (found != locks.held_.end() && --found->second.holders == 0) locks.held_.erase(found);
}

MaildropLock Locks::take(const std::string& maildir, state::SessionRule rule, event::Instant now, event::Instant& since) {
    const auto [found, fresh] = held_.try_emplace(maildir, Held{rule, 0, now});
    Held& held = found->second;
    if (!fresh && (rule == state::SessionRule::exclusive || held.rule == state::SessionRule::exclusive)) {
        since = held.since;
        return {};
    }
    ++held.holders;
    MaildropLock lock;
    lock.locks_ = this;
    lock.maildir_ = maildir;
    return lock;
}

} // namespace buzon::daemon
