// keeping/mail_policy.h - which mail workers the reactor may ask for in a server that root has started, and which users
// they act as.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_block.h"
#include "buzon/keeper/message.h"

namespace buzon::keeping {

class MailPolicy {
public:
    // Replaces what was allowed before. Returns 0 or errno.
    [[nodiscard]] int allow(const keeper::AllowMail& request, posix::UniqueFd users);
    // Replaces the users, which have been read again. Returns 0 or errno.
    [[nodiscard]] int renew_users(posix::UniqueFd users);
    // If not, mail workers act as the same user as this process.
    [[nodiscard]] bool in_force() const noexcept { return !roots_.empty(); }
    [[nodiscard]] bool covers(keeper::Role role) const noexcept {
        return in_force() && (role == keeper::Role::mail || role == keeper::Role::locks);
    }
    // Whether the users file has a user with this Maildir and these ids.
    [[nodiscard]] bool knows(const char* maildir, const posix::Ids& owner) const noexcept;
    // Whether the reactor may ask for this worker or filter host. It may be for all that belongs to the owner of a mail
    // root, for a Maildir below a mail root, for a user's Maildir with the ids in the users file, or for any that a
    // program has vouched for (believes_places()). A worker may also be for a mail root that is unknown and still has
    // to be checked.
    [[nodiscard]] bool allows(const keeper::Start& request) const noexcept;
    [[nodiscard]] bool knows_root(std::string_view path) const noexcept;
    // Adds a mail root that has been checked. Maildrops below earlier ones stay allowed, because they have sessions.
    void add_root(const char* path);
    [[nodiscard]] const char* newest_root() const noexcept { return roots_.back().c_str(); }
    // The mail root that this Maildir lies below, or null.
    [[nodiscard]] const char* root_above(const char* maildir) const noexcept;
    // Where Dovecot kept the UIDs of this Maildir, if not in it.
    [[nodiscard]] std::string control_of(std::string_view maildir) const;
    // Whether to believe a checkpassword program, which says through the reactor where Maildirs lie and whose they are.
    [[nodiscard]] bool believes_places() const noexcept { return believes_places_; }

private:
    [[nodiscard]] bool is_maildir_of(const auth::User& user, std::string_view maildir) const noexcept;

    std::vector<std::string> roots_;
    auth::UserBlock users_;
    bool believes_places_ = false;
};

// Runs in the forked child of `parent`: takes the rights that the worker needs, if it may have them, and gives up all
// others. `new_root`: set if the worker is for a mail root that was unknown but can be one. Returns 0 or errno.
[[nodiscard]] int become_mail_worker(const keeper::Start& request, const MailPolicy& policy, pid_t parent,
                                     bool& new_root) noexcept;
// The same for a filter host.
[[nodiscard]] int become_filter_host(const keeper::Start& request, const MailPolicy& policy) noexcept;

} // namespace buzon::keeping
