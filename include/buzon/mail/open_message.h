// mail/open_message.h - opens a listed message, wherever another program has moved it since.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::mail {

// Opens messages of one Maildir, whose folders stay open meanwhile. Waits for disks: runs in a worker.
class MessageOpener {
public:
    [[nodiscard]] static posix::Result<MessageOpener> of(const std::string& maildir);
    MessageOpener(MessageOpener&& other) noexcept;
    ~MessageOpener();

    // As open_message().
    [[nodiscard]] posix::Result<posix::UniqueFd> open(std::string_view file_name, bool in_new,
                                                      std::uint64_t inode) const;

private:
    struct Open;
    MessageOpener();

    std::unique_ptr<Open> open_;
};

// Read-only, close-on-exec, a regular file for certain, never through a symbolic link. Renamed messages (flags changed,
// new -> cur and back) are found by their base name and, when `inode` is not 0, only if that is theirs: a second
// message of the same base name is never taken for the first. ENOENT: really gone. Waits for disks: runs in a worker.
[[nodiscard]] posix::Result<posix::UniqueFd> open_message(const std::string& maildir, std::string_view file_name,
                                                          bool in_new, std::uint64_t inode = 0);

// The same without ever waiting, for the reactor: only what the kernel has in its caches. EAGAIN for everything else,
// also for a message that is not where it was: then a worker asks open_message. EMFILE and ENFILE as they are. What has
// been opened may be no regular file: a directory, a FIFO (nothing hangs on it).
[[nodiscard]] posix::Result<posix::UniqueFd> open_cached(const std::string& maildir, std::string_view file_name,
                                                         bool in_new);

// An open as it travels to a worker.
struct OpenRequest {
    std::string maildir;
    std::string file_name;
    bool in_new = false;
    std::uint64_t inode = 0;

    [[nodiscard]] std::string to_bytes() const;
    [[nodiscard]] static posix::Result<OpenRequest> from_bytes(std::string_view bytes); // EBADMSG
};
[[nodiscard]] inline posix::Result<posix::UniqueFd> open_message(const OpenRequest& wanted) {
    return open_message(wanted.maildir, wanted.file_name, wanted.in_new, wanted.inode);
}

} // namespace buzon::mail
