// files/vault.h - secrets in memory that one process can hand to others without being able to read them: a memfd that
// nobody may open (mode 0), held by a descriptor that only names it (O_PATH). A worker of the user who made it grants
// itself access, opens it, and revokes the access again. May block: for startup and workers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "buzon/auth/user_base.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::files {

// A descriptor that can be passed on, but not read. The memory stays as it is; `memory` can be closed.
[[nodiscard]] posix::Result<posix::UniqueFd> key_of(const posix::UniqueFd& memory);
// For a worker. `flags`: O_RDONLY, or O_RDWR | O_APPEND for the vault of changes.
[[nodiscard]] posix::Result<posix::UniqueFd> open_vault(int key, int flags);

// An empty vault for the secrets of changes (append_secret()).
[[nodiscard]] posix::Result<posix::UniqueFd> make_vault_of_changes();
// Adds a secret. A second one under the same number replaces the first.
[[nodiscard]] std::error_code append_secret(int vault, std::uint64_t change, std::string_view secret);
// Calls `each` for every secret after offset `from`, and returns where the next call should begin.
[[nodiscard]] std::uint64_t read_secrets(int vault, std::uint64_t from,
                                         const std::function<void(std::uint64_t change, std::string secret)>& each);

// The two parts of loaded users: a block that anybody may read, and the key of the vault.
struct KeptUsers {
    posix::UniqueFd users;
    posix::UniqueFd vault;
};
[[nodiscard]] posix::Result<KeptUsers> keep(const auth::LoadedUsers& loaded);

} // namespace buzon::files
