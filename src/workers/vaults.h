// workers/vaults.h - the vaults that this worker has opened, so that each is opened once. Their keys come with the
// jobs.
#pragma once

#include <sys/types.h>

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "buzon/auth/user_base.h"
#include "buzon/posix/result.h"

namespace buzon::workers {

class Vaults {
public:
    // The keyring of this place, or a decoy. An error if the vault cannot be opened or does not have it.
    [[nodiscard]] posix::Result<std::string> keyring(int key, const auth::SecretPlace& place);

private:
    static constexpr std::size_t max_opened = 4; // that of users, of administrators, of changes, and an old one

    struct Opened {
        dev_t device = 0;
        ino_t inode = 0;
        auth::UserBlock block;
        // A vault of changes:
        posix::UniqueFd file;
        std::uint64_t read = 0;
        std::unordered_map<std::uint64_t, std::string> changes;
    };
    [[nodiscard]] posix::Result<Opened*> open(int key, bool of_changes);

    std::deque<Opened> opened_; // the latest first
};

} // namespace buzon::workers
