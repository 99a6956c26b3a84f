// mail/lock.h - one session a maildrop, or several that share it, between processes and machines too. A lock cannot go
// stale: the kernel holds it for as long as the server process lives, and no longer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::mail {

enum class LockKind : std::uint8_t { exclusive, shared };

// Who keeps a maildrop from us.
struct LockHolder {
    bool here = false;         // a session of this process; else of another one, perhaps on another machine
    std::uint64_t session = 0; // as it was given to lock(); 0 when not here
    LockKind kind = LockKind::exclusive;
};

// A maildrop held. Destroying it lets go.
class MaildropLock;

// All locks of one mail root: the 32 files of the directory `buzon-locks` in it, opened once, and a place in one of
// them for each user, found by a hash of 50 bits of the name. Between processes these are open-file-description locks
// of the kernel (fcntl), so they work over NFS; between the sessions of this process, which share the description, a
// table decides. Two users of one hash are as one here, too, and would shut each other out: with a million users that
// is one chance in two thousand. The files stay empty. Must outlive nothing: a MaildropLock keeps what it needs.
class MaildropLocks {
public:
    static constexpr std::size_t descriptors = 32;

    // Makes the files if they are missing. ENOTDIR: what stands there is not the directory. Local file systems answer
    // at once; NFS asks its server, and so may wait.
    [[nodiscard]] static posix::Result<MaildropLocks> open(const std::string& mail_root);

    MaildropLocks(MaildropLocks&&) noexcept;
    MaildropLocks& operator=(MaildropLocks&&) noexcept;
    ~MaildropLocks();

    // Never waits for a holder. The lock, who holds it, or (ENOLCK and the like) why nobody can say.
    using Outcome = std::variant<MaildropLock, LockHolder, std::error_code>;
    [[nodiscard]] Outcome lock(std::string_view user, LockKind kind, std::uint64_t session);

    // The session of this process that has held the user's maildrop longest.
    [[nodiscard]] std::optional<LockHolder> holder(std::string_view user) const;

private:
    friend class MaildropLock;
    struct Table;
    explicit MaildropLocks(std::shared_ptr<Table> table);
    std::shared_ptr<Table> table_;
};

class MaildropLock {
public:
    MaildropLock() = default; // of nothing
    MaildropLock(MaildropLock&&) noexcept;
    MaildropLock& operator=(MaildropLock&&) noexcept;
    ~MaildropLock();
    void release() noexcept;
    [[nodiscard]] bool held() const noexcept { return table_ != nullptr; }

private:
    friend class MaildropLocks;
    MaildropLock(std::shared_ptr<MaildropLocks::Table> table, std::uint64_t hash, std::uint64_t session);

    std::shared_ptr<MaildropLocks::Table> table_; // none: released
    std::uint64_t hash_ = 0;                      // of the user's name
    std::uint64_t session_ = 0;
};

} // namespace buzon::mail
