#include "buzon/login/users.h"

#include "buzon/auth/random.h"

namespace buzon::login {

void VouchedUsers::note(std::string_view user, std::string_view maildir) {
    if (const auto found = by_user_.find(user); found != by_user_.end()) {
        found->second->second = maildir;
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    if (entries_.size() >= size_) {
        by_user_.erase(entries_.back().first);
        entries_.pop_back();
    }
    entries_.emplace_front(user, maildir);
    by_user_.emplace(entries_.front().first, entries_.begin());
}

std::string_view VouchedUsers::maildir_of(std::string_view user) const {
    const auto found = by_user_.find(user);
    return found == by_user_.end() ? std::string_view{} : found->second->second;
}

std::vector<std::string> VouchedUsers::maildirs() const {
    std::vector<std::string> all;
    all.reserve(entries_.size());
    for (const Entry& entry : entries_) all.push_back(entry.second);
    return all;
}

Users::Users(auth::UserBase base, std::string root)
    : base_{std::move(base)}, root_{std::move(root)}, scram_key_{auth::random_octets(32)} {}

std::string Users::maildir_of(std::string_view user) const {
    const std::optional<auth::User> known = base_.find(user);
    if (!known) return std::string{vouched_.maildir_of(user)};
    if (!known->maildir.empty()) return std::string{known->maildir};
    std::string path = root_;
    path += '/';
    path += user;
    return path;
}

std::function<std::string()> Users::every_maildir() const {
    return [this, at = auth::UserBase::Place{}, vouched = vouched_.maildirs()]() mutable {
        if (const auto user = base_.next(at)) return maildir_of(user->name);
        if (vouched.empty()) return std::string{};
        std::string maildir = std::move(vouched.back());
        vouched.pop_back();
        return maildir;
    };
}

std::string Users::control_of(std::string_view user) const {
    const std::optional<auth::User> known = base_.find(user);
    return known ? std::string{known->control} : std::string{};
}

} // namespace buzon::login
