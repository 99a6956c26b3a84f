#include "buzon/daemon/locks.h"

namespace buzon::daemon {

std::error_code Locks::use(const std::string& root) {
    auto opened = mail::MaildropLocks::open(root);
    if (!opened) return opened.error();
    locks_.emplace(std::move(opened).value());
    root_ = root + '/';
    return {};
}

std::string Locks::words_for(std::error_code why) {
    if (why == std::errc::not_a_directory)
        return "This must be the directory of the locks, and is a file that is not ours";
    return why.message();
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
