// daemon/users.h - the users in force and where their mail lies. Reads no file itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/net/address.h"

namespace buzon::daemon {

class Users {
public:
    Users(auth::UserBase base, std::string root);

    [[nodiscard]] const auth::UserBase& base() const noexcept { return base_; }
    [[nodiscard]] auth::UserBase& base() noexcept { return base_; }
    void replace(auth::UserBase base) { base_ = std::move(base); }

    // The mail root, for logins from now on.
    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    void set_root(std::string root) { root_ = std::move(root); }

    // Empty for an unknown user.
    [[nodiscard]] std::string maildir_of(std::string_view user) const;
    // The key of made-up SCRAM salts: known to nobody, the same as long as we run.
    [[nodiscard]] const std::string& scram_key() const noexcept { return scram_key_; }

private:
    auth::UserBase base_;
    std::string root_;
    std::string scram_key_;
};

[[nodiscard]] inline auth::Source source_of(const net::Ip& ip) noexcept {
    return auth::Source{ip.bytes()};
}

} // namespace buzon::daemon
