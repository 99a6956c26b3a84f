// local/lock.h - locks maildrops for one session, or for several that share the lock, across processes and machines. A
// lock cannot become stale: the kernel holds it exactly as long as the server process lives.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "buzon/message/mail_root.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::local {

// Who holds a maildrop that we cannot lock.
struct LockHolder {
    bool here = false;         // a session of this process; false: of another process, perhaps on another machine
    std::uint64_t session = 0; // the first session, as given to lock(); 0 if not here
};

// The open lock files of one mail root: the 32 files in its directory `buzon-locks`. They stay empty.
class LockFiles {
public:
    static constexpr std::size_t count = 32;

    // Creates missing files, but their directory only with `make`. ENOTDIR: `buzon-locks` is not a directory. Blocks on
    // disk I/O.
    [[nodiscard]] static posix::Result<LockFiles> open(int mail_root, bool make);
    // Stand-ins for files that cannot be created: their locks are effective only within this process. Blocks on disk
    // I/O.
    [[nodiscard]] static posix::Result<LockFiles> none(const std::string& mail_root);

    // For files that another process has open: locks are requested there, and nothing is locked here.
    [[nodiscard]] static LockFiles of_another_process(const message::RootMark& mark) noexcept;
    [[nodiscard]] bool elsewhere() const noexcept { return elsewhere_; }

    // For passing them from a worker to the server in one descriptor: lock files or stand-ins.
    [[nodiscard]] posix::Result<posix::UniqueFd> bundle() const;
    [[nodiscard]] static posix::Result<LockFiles> unbundle(int bundle, const message::RootMark& mark);

    [[nodiscard]] const message::RootMark& mark() const noexcept { return mark_; }
    // False: there are only stand-ins, or nothing at all.
    [[nodiscard]] bool between_processes() const noexcept { return static_cast<bool>(files_.front()); }
    [[nodiscard]] bool any() const noexcept { return between_processes() || root_ || elsewhere_; }

    // Never waits for the holder. Never fails for stand-ins.
    [[nodiscard]] std::error_code lock(const message::HeldLock& what) const noexcept;
    void unlock(std::uint64_t hash) const noexcept;

private:
    [[nodiscard]] std::error_code set(std::uint64_t hash, short type) const noexcept;
    [[nodiscard]] int file(std::uint64_t hash) const noexcept { return files_[hash % count].get(); }

    std::array<posix::UniqueFd, count> files_;
    posix::UniqueFd root_; // if there are no lock files: the mail root itself
    message::RootMark mark_;
    bool elsewhere_ = false;
};

// A held maildrop. Destroying it releases the lock.
class MaildropLock;

// All locks of one mail root. Each user has a position in one of the lock files, given by a 50-bit hash of the name.
// Between processes these are open-file-description locks of the kernel (fcntl), so they work over NFS. Between the
// sessions of this process, which share the description, a table decides. Two users with the same hash share a lock and
// would exclude each other; with a million users the probability is one in two thousand. A MaildropLock may outlive
// this object. Local file systems answer at once; NFS asks its server and so may block.
class MaildropLocks {
public:
    explicit MaildropLocks(LockFiles files);

    // Never waits for the holder. Returns the lock, its holder, or an error (such as ENOLCK) if neither can be
    // determined.
    using Outcome = std::variant<MaildropLock, LockHolder, std::error_code>;
    [[nodiscard]] Outcome lock(std::string_view user, message::LockKind kind, std::uint64_t session);
    [[nodiscard]] static std::uint64_t hash_of(std::string_view user) noexcept;

    // The locks held by sessions of this process.
    [[nodiscard]] std::vector<message::HeldLock> held() const;
    // Closes the files, because their mail root has gone. Held locks stay effective within this process; further ones
    // fail with ESTALE until use().
    void let_go() noexcept;
    // Switches to these files, in which `taken` is locked already. Returns the number of maildrops held here that
    // another process has locked meanwhile.
    [[nodiscard]] std::size_t use(LockFiles files, std::span<const message::HeldLock> taken);

private:
    friend class MaildropLock;
    struct Table;
    std::shared_ptr<Table> table_;
};

class MaildropLock {
public:
    MaildropLock() = default; // holds nothing
    MaildropLock(MaildropLock&&) noexcept;
    MaildropLock& operator=(MaildropLock&&) noexcept;
    ~MaildropLock();
    void release() noexcept;
    [[nodiscard]] bool held() const noexcept { return table_ != nullptr; }
    [[nodiscard]] bool alone() const noexcept; // no other session of this process shares it
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

private:
    friend class MaildropLocks;
    MaildropLock(std::shared_ptr<MaildropLocks::Table> table, std::uint64_t hash, std::uint64_t session);

    std::shared_ptr<MaildropLocks::Table> table_; // null: released
    std::uint64_t hash_ = 0;                      // of the user's name
    std::uint64_t session_ = 0;
};

} // namespace buzon::local
