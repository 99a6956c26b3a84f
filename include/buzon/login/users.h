// login/users.h - the users in force and where their mail lies. Reads no file itself.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/net/address.h"

namespace buzon::login {

// Users who are in no file, but whom a program has vouched for (--checkpassword), and where their mail lay then. At
// most `size` of them: whoever has not come for longest is forgotten.
class VouchedUsers {
public:
    explicit VouchedUsers(std::size_t size) : size_{size} {}

    void note(std::string_view user, std::string_view maildir);
    // Empty for an unknown user.
    [[nodiscard]] std::string_view maildir_of(std::string_view user) const;
    [[nodiscard]] std::vector<std::string> maildirs() const;

private:
    using Entry = std::pair<const std::string, std::string>; // the user, and the maildir

    std::size_t size_;
    std::list<Entry> entries_;                                                 // who came last in front
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_user_; // keys live in the entries
};

class Users {
public:
    Users(auth::UserBase base, std::string root);

    [[nodiscard]] const auth::UserBase& base() const noexcept { return base_; }
    [[nodiscard]] auth::UserBase& base() noexcept { return base_; }
    void replace(auth::UserBase base) { base_ = std::move(base); }

    // The mail root, for logins from now on.
    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    void set_root(std::string root) { root_ = std::move(root); }

    [[nodiscard]] VouchedUsers& vouched() noexcept { return vouched_; }
    [[nodiscard]] const VouchedUsers& vouched() const noexcept { return vouched_; }

    // Empty for a user who is neither listed nor vouched for.
    [[nodiscard]] std::string maildir_of(std::string_view user) const;
    // Gives one Maildir at each call, of the listed users and then of those that a program has vouched for; "" at the
    // end.
    [[nodiscard]] std::function<std::string()> every_maildir() const;
    // Where Dovecot kept the user's list of ids; empty: in the Maildir.
    [[nodiscard]] std::string control_of(std::string_view user) const;
    // The key of made-up SCRAM salts: known to nobody, the same as long as we run.
    [[nodiscard]] const std::string& scram_key() const noexcept { return scram_key_; }

private:
    auth::UserBase base_;
    std::string root_;
    std::string scram_key_;
    VouchedUsers vouched_{4096};
};

[[nodiscard]] inline auth::Source source_of(const net::Ip& ip) noexcept {
    return auth::Source{ip.bytes()};
}

} // namespace buzon::login
