#include "buzon/daemon/users.h"

#include "buzon/auth/random.h"

namespace buzon::daemon {

Users::Users(auth::UserBase base, std::string root)
    : base_{std::move(base)}, root_{std::move(root)}, scram_key_{auth::random_octets(32)} {}

std::string Users::maildir_of(std::string_view user) const {
    const std::optional<auth::User> known = base_.find(user);
    if (!known) return {};
    if (!known->maildir.empty()) return std::string{known->maildir};
    std::string path = root_;
    path += '/';
    path += user;
    return path;
}

} // namespace buzon::daemon
