#include "buzon/login/users.h"

#include <climits>

#include "buzon/digest/random.h"
#include "folder_name.h"

namespace buzon::login {

void VouchedUsers::note(std::string_view user, Mail mail) {
    if (const auto found = by_user_.find(user); found != by_user_.end()) {
        found->second->second = std::move(mail);
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    if (entries_.size() >= size_) {
        by_user_.erase(entries_.back().first);
        entries_.pop_back();
    }
    entries_.emplace_front(user, std::move(mail));
    by_user_.emplace(entries_.front().first, entries_.begin());
}

const VouchedUsers::Mail* VouchedUsers::find(std::string_view user) const {
    const auto found = by_user_.find(user);
    return found == by_user_.end() ? nullptr : &found->second->second;
}

std::vector<VouchedUsers::Mail> VouchedUsers::all() const {
    std::vector<Mail> all;
    all.reserve(entries_.size());
    for (const Entry& entry : entries_) all.push_back(entry.second);
    return all;
}

Users::Users(auth::UserBase base, std::string root)
    : base_{std::move(base)}, root_{std::move(root)}, scram_key_{digest::random_octets(32)} {}

Users::Account Users::account_of(std::string_view name) const {
    if (!folders_ || base_.find(name)) return {std::string{name}, {}};
    // A user's name may contain a plus, and so may a folder's. Behind NAME_MAX no user's name can end.
    for (auto plus = name.rfind('+', NAME_MAX); plus != name.npos && plus > 0; plus = name.rfind('+', plus - 1)) {
        const std::string_view user = name.substr(0, plus);
        if (!base_.find(user)) continue;
        auto folder = folder_directory(name.substr(plus + 1));
        if (!folder) break;
        return {std::string{user}, std::move(*folder)};
    }
    return {std::string{name}, {}};
}

std::string Users::maildir_of(std::string_view name) const {
    const Account account = account_of(name);
    const std::optional<auth::User> known = base_.find(account.user);
    if (!known) {
        const VouchedUsers::Mail* const mail = vouched_.find(account.user);
        return mail ? mail->maildir : std::string{};
    }
    std::string path = known->maildir.empty() ? root_ + '/' + account.user : std::string{known->maildir};
    if (!account.folder.empty()) path.append("/").append(account.folder);
    return path;
}

posix::Ids Users::owner_of(std::string_view name) const {
    const std::string user = account_of(name).user;
    if (const std::optional<auth::User> known = base_.find(user)) return known->ids;
    const VouchedUsers::Mail* const mail = vouched_.find(user);
    return mail ? mail->owner : posix::Ids{};
}

std::function<std::pair<std::string, posix::Ids>()> Users::every_maildir() const {
    using Owned = std::pair<std::string, posix::Ids>;
    return [this, at = auth::UserBase::Place{}, vouched = vouched_.all()]() mutable {
        if (const auto user = base_.next(at)) return Owned{maildir_of(user->name), user->ids};
        if (vouched.empty()) return Owned{};
        const VouchedUsers::Mail mail = std::move(vouched.back());
        vouched.pop_back();
        return Owned{mail.maildir, mail.owner};
    };
}

std::string Users::control_of(std::string_view name) const {
    const Account account = account_of(name);
    const std::optional<auth::User> known = base_.find(account.user);
    if (!known || known->control.empty()) return {};
    std::string path{known->control};
    if (!account.folder.empty()) path.append("/").append(account.folder);
    return path;
}

} // namespace buzon::login
