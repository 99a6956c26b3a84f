// mail/mail_root.h - the directory below which maildrops lie, and whether it is still the one that it was. An unmounted
// or replaced mail root must not look like one of empty maildrops. Waits for disks, but for what only moves values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "buzon/mail/lock.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::mail {

struct MailRoot {
    std::string path; // absolute
    RootMark mark;
};

// What the functions below say of a root that has gone: another directory is at its path, or none.
[[nodiscard]] std::error_code root_has_gone() noexcept;

// The directory (O_PATH); root_has_gone().
[[nodiscard]] posix::Result<posix::UniqueFd> open_root(const MailRoot& root);

// One stat(), or two.
[[nodiscard]] bool is_there(const MailRoot& root);

// create_maildir(), but for a Maildir below a root that has gone, which nobody makes.
[[nodiscard]] std::error_code create_maildir_below(const MailRoot& root, const std::string& maildir);

// A mail root that is to be used, as it travels to a worker.
struct RootRequest {
    enum class Why : std::uint8_t {
        chosen,  // by an operator: its lock files are made if they are missing
        return_, // of one that had gone: it must have its directory of locks
        locks,   // of the one in use, whose lock files could not be made
    };
    Why why = Why::chosen;
    MailRoot root;              // the mark: with `locks` alone
    std::vector<HeldLock> held; // locks to be taken

    [[nodiscard]] static RootRequest to_choose(std::string path) { return {Why::chosen, {std::move(path), {}}, {}}; }
    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<RootRequest> from_bytes(std::string_view bytes); // EBADMSG
};

struct OpenedRoot {
    MailRoot root;
    LockFiles files;
    std::vector<HeldLock> taken; // of those asked for

    // Without the files.
    [[nodiscard]] std::string to_bytes() const;
    // `bundle`: LockFiles::bundle(). EBADMSG, EMFILE.
    [[nodiscard]] static posix::Result<OpenedRoot> from_bytes(std::string_view bytes, int bundle);
};

// `at_fault`: what could not be opened or made, when it fails.
[[nodiscard]] posix::Result<OpenedRoot> open_mail_root(const RootRequest& request, std::string& at_fault);
// The same for one whose lock files cannot be made: its locks hold within this process alone.
[[nodiscard]] posix::Result<OpenedRoot> open_without_locks(const std::string& path);

} // namespace buzon::mail
