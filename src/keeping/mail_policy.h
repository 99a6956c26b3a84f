// keeping/mail_policy.h - which workers on mail the reactor of a server that root has started may ask for, and as whom
// they act.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_block.h"
#include "buzon/keeper/message.h"

namespace buzon::keeping {

class MailPolicy {
public:
    // Replaces what was allowed before. 0, or errno.
    [[nodiscard]] int allow(const keeper::AllowMail& request, posix::UniqueFd users);
    // The users, read again. 0, or errno.
    [[nodiscard]] int renew_users(posix::UniqueFd users);
    // False: such workers act as this process does.
    [[nodiscard]] bool in_force() const noexcept { return !roots_.empty(); }
    [[nodiscard]] bool covers(keeper::Role role) const noexcept {
        return in_force() && (role == keeper::Role::mail || role == keeper::Role::locks);
    }
    // Whether the users file says so: one of its users has this Maildir, and these ids.
    [[nodiscard]] bool knows(const char* maildir, const posix::Ids& owner) const noexcept;
    // Whether the reactor may ask for this worker, or this host of filters: one for all that belongs to the owner of a
    // mail root; one for a Maildir below such a root; or one for the Maildir of a user, as the one that the users file
    // says. A worker may be for a mail root that is not known, and is still to be looked at.
    [[nodiscard]] bool allows(const keeper::Start& request) const noexcept;
    [[nodiscard]] bool knows_root(std::string_view path) const noexcept;
    // A mail root that has been looked at. Maildrops in those before stay allowed: they have sessions.
    void add_root(const char* path);
    [[nodiscard]] const char* newest_root() const noexcept { return roots_.back().c_str(); }
    // Of the Maildir: the mail root that it lies below, else null.
    [[nodiscard]] const char* root_above(const char* maildir) const noexcept;
    // Where Dovecot kept the UIDs of this Maildir, if not in it.
    [[nodiscard]] std::string control_of(std::string_view maildir) const;
    // A checkpassword program says where Maildirs lie and whose they are, by way of the reactor.
    [[nodiscard]] bool believes_places() const noexcept { return believes_places_; }

private:
    [[nodiscard]] bool is_maildir_of(const auth::User& user, std::string_view maildir) const noexcept;

    std::vector<std::string> roots_;
    auth::UserBlock users_;
    bool believes_places_ = false;
};

// In the forked child of `parent`: takes the rights that the worker needs, if it may have them, and gives up all
// others. 0, or errno. `new_root`: it is for a mail root that was not known, and that can be one.
[[nodiscard]] int become_mail_worker(const keeper::Start& request, const MailPolicy& policy, pid_t parent,
                                     bool& new_root) noexcept;
// The same for a host of filters.
[[nodiscard]] int become_filter_host(const keeper::Start& request, const MailPolicy& policy) noexcept;

} // namespace buzon::keeping
