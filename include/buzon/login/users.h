// login/users.h - the current users and the paths of their Maildirs. Reads no files.
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

// Users who are not in a file but were authenticated by a program (--checkpassword, --token), with the Maildirs and ids
// they had then. Keeps at most `size` of them and drops the least recently seen first.
class VouchedUsers {
public:
    explicit VouchedUsers(std::size_t size) : size_{size} {}

    struct Mail {
        std::string maildir;
        posix::Ids owner; // as far as known
    };
    void note(std::string_view user, Mail mail);
    // Null for an unknown user.
    [[nodiscard]] const Mail* find(std::string_view user) const;
    [[nodiscard]] std::vector<Mail> all() const;

private:
    using Entry = std::pair<const std::string, Mail>;

    std::size_t size_;
    std::list<Entry> entries_;                                                 // most recent first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_user_; // keys live in the entries
};

class Users {
public:
    Users(auth::UserBase base, std::string root);

    [[nodiscard]] const auth::UserBase& base() const noexcept { return base_; }
    [[nodiscard]] auth::UserBase& base() noexcept { return base_; }
    void replace(auth::UserBase base) { base_ = std::move(base); }

    // The mail root for future logins.
    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    void set_root(std::string root) { root_ = std::move(root); }

    [[nodiscard]] VouchedUsers& vouched() noexcept { return vouched_; }
    [[nodiscard]] const VouchedUsers& vouched() const noexcept { return vouched_; }

    // The account that a login name refers to: the user of that name or, if folders are allowed, a listed user and one
    // of the user's folders, as in "ana+Junk". If it refers to nobody, the name itself.
    struct Account {
        std::string user;
        std::string folder; // the directory below the Maildir; empty: the Maildir itself
    };
    [[nodiscard]] Account account_of(std::string_view name) const;
    void allow_folders(bool are_allowed) noexcept { folders_ = are_allowed; }

    // All these take login names.
    // Empty for a user who is neither listed nor authenticated by a program.
    [[nodiscard]] std::string maildir_of(std::string_view name) const;
    // The owner of the Maildir, as far as the users file or a program says.
    [[nodiscard]] posix::Ids owner_of(std::string_view name) const;
    // Each call of the returned function gives the next Maildir and its owner, as above: first those of the listed
    // users, then those of users authenticated by a program; "" at the end.
    [[nodiscard]] std::function<std::pair<std::string, posix::Ids>()> every_maildir() const;
    // Where Dovecot kept the user's UID list; empty means in the Maildir.
    [[nodiscard]] std::string control_of(std::string_view name) const;
    // The key for fake SCRAM salts: secret, and constant for the life of the process.
    [[nodiscard]] const std::string& scram_key() const noexcept { return scram_key_; }

private:
    auth::UserBase base_;
    std::string root_;
    std::string scram_key_;
    bool folders_ = false;
    VouchedUsers vouched_{4096};
};

[[nodiscard]] inline auth::Source source_of(const net::Ip& ip) noexcept {
    return auth::Source{ip.bytes()};
}

} // namespace buzon::login
