// local/lock.h - one session a maildrop, or several that share it, between processes and machines too. A lock cannot go
// stale: the kernel holds it for as long as the server process lives, and no longer.
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

// Who keeps a maildrop from us.
struct LockHolder {
    bool here = false;         // a session of this process; else of another one, perhaps on another machine
    std::uint64_t session = 0; // as it was given to lock(), and the one that came first; 0 when not here
};

// The open lock files of one mail root: the 32 files of the directory `buzon-locks` in it. They stay empty.
class LockFiles {
public:
    static constexpr std::size_t count = 32;

    // Files that are missing are made; their directory only with `make`. ENOTDIR: what stands there is none. Waits for
    // the disk.
    [[nodiscard]] static posix::Result<LockFiles> open(int mail_root, bool make);
    // Stand-ins for files that cannot be made: their locks hold within this process alone. Waits for the disk.
    [[nodiscard]] static posix::Result<LockFiles> none(const std::string& mail_root);

    // Of files that another process has open: whoever has these asks that one, and nothing here is locked.
    [[nodiscard]] static LockFiles of_another_process(const message::RootMark& mark) noexcept;
    [[nodiscard]] bool elsewhere() const noexcept { return elsewhere_; }

    // The way from a worker to the server: both forms in one descriptor.
    [[nodiscard]] posix::Result<posix::UniqueFd> bundle() const;
    [[nodiscard]] static posix::Result<LockFiles> unbundle(int bundle, const message::RootMark& mark);

    [[nodiscard]] const message::RootMark& mark() const noexcept { return mark_; }
    // Without: there are only stand-ins, or nothing at all.
    [[nodiscard]] bool between_processes() const noexcept { return static_cast<bool>(files_.front()); }
    [[nodiscard]] bool any() const noexcept { return between_processes() || root_ || elsewhere_; }

    // Never waits for a holder. No error where there are stand-ins.
    [[nodiscard]] std::error_code lock(const message::HeldLock& what) const noexcept;
    void unlock(std::uint64_t hash) const noexcept;

private:
    [[nodiscard]] std::error_code set(std::uint64_t hash, short type) const noexcept;
    [[nodiscard]] int file(std::uint64_t hash) const noexcept { return files_[hash % count].get(); }

    std::array<posix::UniqueFd, count> files_;
    posix::UniqueFd root_; // where there are no files: the mail root itself
    message::RootMark mark_;
    bool elsewhere_ = false;
};

// A maildrop held. Destroying it lets go.
class MaildropLock;

// All locks of one mail root: a place in one of the lock files for each user, found by a hash of 50 bits of the name.
// Between processes these are open-file-description locks of the kernel (fcntl), so they work over NFS; between the
// sessions of this process, which share the description, a table decides. Two users of one hash are as one here, too,
// and would shut each other out: with a million users that is one chance in two thousand. Must outlive nothing: a
// MaildropLock keeps what it needs. Local file systems answer at once; NFS asks its server, and so may wait.
class MaildropLocks {
public:
    explicit MaildropLocks(LockFiles files);

    // Never waits for a holder. The lock, who holds it, or (ENOLCK and the like) why nobody can say.
    using Outcome = std::variant<MaildropLock, LockHolder, std::error_code>;
    [[nodiscard]] Outcome lock(std::string_view user, message::LockKind kind, std::uint64_t session);
    [[nodiscard]] static std::uint64_t hash_of(std::string_view user) noexcept;

    // What the sessions of this process hold.
    [[nodiscard]] std::vector<message::HeldLock> held() const;
    // Closes the files: they are of a mail root that has gone. What is held stays held within this process, nothing
    // else can be locked (ESTALE) until use().
    void let_go() noexcept;
    // Goes on with these files, in which `taken` is locked already. Gives how many maildrops that are held here another
    // process has locked meanwhile.
    [[nodiscard]] std::size_t use(LockFiles files, std::span<const message::HeldLock> taken);

private:
    friend class MaildropLock;
    struct Table;
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
    [[nodiscard]] bool alone() const noexcept; // no other session of this process shares it
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

private:
    friend class MaildropLocks;
    MaildropLock(std::shared_ptr<MaildropLocks::Table> table, std::uint64_t hash, std::uint64_t session);

    std::shared_ptr<MaildropLocks::Table> table_; // none: released
    std::uint64_t hash_ = 0;                      // of the user's name
    std::uint64_t session_ = 0;
};

} // namespace buzon::local
