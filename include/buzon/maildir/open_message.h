// maildir/open_message.h - opens a listed message, even if another program has renamed it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// Opens messages of one Maildir and keeps its folders open. Blocks on disk I/O: runs in a worker.
class MessageOpener {
public:
    [[nodiscard]] static posix::Result<MessageOpener> of(const std::string& maildir);
    MessageOpener(MessageOpener&& other) noexcept;
    ~MessageOpener();

    // See open_message().
    [[nodiscard]] posix::Result<posix::UniqueFd> open(std::string_view file_name, bool in_new,
                                                      std::uint64_t inode) const;
    // The same, but ENOENT if it is not where it was listed.
    [[nodiscard]] posix::Result<posix::UniqueFd> open_listed(std::string_view file_name, bool in_new,
                                                             std::uint64_t inode) const;

private:
    struct Open;
    MessageOpener();

    std::unique_ptr<Open> open_;
};

// Opens the file read-only and close-on-exec; it is always a regular file and never reached through a symbolic link.
// Renamed messages (flags changed, new -> cur and back) are found by base name and, unless `inode` is 0, only with that
// inode, so that a second message of the same base name is never mistaken for the first. ENOENT: the message has gone.
// Blocks on disk I/O: runs in a worker.
[[nodiscard]] posix::Result<posix::UniqueFd> open_message(const std::string& maildir, std::string_view file_name,
                                                          bool in_new, std::uint64_t inode = 0);

} // namespace buzon::maildir
