// maildir/open_message.h - opens a listed message, wherever another program has moved it since.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

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

} // namespace buzon::maildir
