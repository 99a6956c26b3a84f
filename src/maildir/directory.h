// maildir/directory.h - opens, stamps and lists the directories of a Maildir. Private to maildir/.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/message/stamps.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// Opens the Maildir itself. It and its parents may be symbolic links, but root follows a link in place of the Maildir
// only if the link belongs to root or to the owner of its target (else EPERM), because anybody can create a link to
// another user's mail. `below`: the open directory that a relative path starts from.
[[nodiscard]] posix::Result<posix::UniqueFd> open_maildir(const std::string& path, int below = AT_FDCWD);
// Opens a direct subdirectory, never through a symbolic link (ELOOP).
[[nodiscard]] posix::Result<posix::UniqueFd> open_folder(int parent, const char* name);
[[nodiscard]] inline bool is_no_room(std::error_code why) noexcept {
    return why.value() == ENOSPC || why.value() == EDQUOT;
}
[[nodiscard]] inline const char* folder_of(bool in_new) noexcept {
    return in_new ? "new" : "cur";
}

// Calls `act` with each entry, "." and ".." included, from the current position on; its first error ends the loop.
// Calls getdents64() directly: a stream would need its own descriptor, which costs four more calls per directory.
template <class Act>
[[nodiscard]] std::error_code each_entry(int directory, Act act) {
    alignas(dirent64) std::array<char, 32 * 1024> entries; // the size that the C library uses
    for (;;) {
        const ssize_t n = ::getdents64(directory, entries.data(), entries.size());
        if (n < 0) return posix::last_error();
        if (n == 0) return {};
        for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
            const auto* const entry = reinterpret_cast<const dirent64*>(entries.data() + at);
            at += entry->d_reclen;
            if (const std::error_code why = act(*entry)) return why;
        }
    }
}

// The names in one directory, stored in one string.
struct Listing {
    struct Name {
        std::uint64_t inode; // as returned by readdir
        std::uint32_t at;
        std::uint16_t size;
        bool may_be_file; // false: certainly not a regular file
        bool surely_file; // certainly a regular file
    };
    std::string names;
    std::vector<Name> all;
    std::vector<std::string> journals; // dot files created by journal.h

    [[nodiscard]] std::string_view view(const Name& name) const noexcept { return {names.data() + name.at, name.size}; }
    // The name as a C string, for system calls.
    [[nodiscard]] const char* path(const Name& name) const noexcept { return names.data() + name.at; }

    [[nodiscard]] std::error_code add(const dirent64& entry);
};

// Lists everything in the directory except dot files, of which only journals are reported. Always starts from the
// beginning. `expected`: the approximate number of names; a wrong one only costs time. EOVERFLOW beyond 4 GiB of names.
[[nodiscard]] posix::Result<Listing> list_directory(int directory, std::size_t expected = 0);

// The two directories that contain messages, open; -1 if missing. Every operation on a message is relative to these, so
// that nobody can substitute a link meanwhile.
struct Folders {
    posix::UniqueFd in_new, cur;

    [[nodiscard]] static posix::Result<Folders> open(int maildir);
    [[nodiscard]] int fd(bool is_new) const noexcept { return is_new ? in_new.get() : cur.get(); }
};

// Lists both directories; a missing one is empty.
struct MaildirListing {
    Folders folders; // open for the life of this object
    Listing in_new, cur;
    message::Stamps before; // of the directories just before they were read

    [[nodiscard]] const Listing& folder(bool is_new) const noexcept { return is_new ? in_new : cur; }
    [[nodiscard]] int fd(bool is_new) const noexcept { return folders.fd(is_new); }
};
// Reads the directories again, a few times, if they changed meanwhile or so recently that this cannot be determined,
// because readdir may miss files renamed while it runs. A message that moves from new to cur may be in both lists, but
// is in at least one. `expected`: the number of messages last time.
[[nodiscard]] posix::Result<MaildirListing> list_maildir(int maildir, std::size_t expected = 0);

constexpr int open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
// Opens a regular file for reading with these flags (ENOENT if it is something else), never through a link and never
// waiting for the writer of a FIFO. Fills in `about`.
[[nodiscard]] posix::Result<posix::UniqueFd> open_regular(int directory, const char* name, struct stat& about);

// Renames without ever replacing a file (EEXIST). If the file system lacks that call (NFS), uses link and unlink: a
// crash in between leaves one message with two names, which the scan lists once.
[[nodiscard]] std::error_code move_without_replacing(int from_directory, const std::string& from, int to_directory,
                                                     const std::string& to);
// Syncs added and removed names to disk. No error if the file system cannot sync directories, because nothing more can
// be done then. Does nothing for -1.
[[nodiscard]] std::error_code sync_directory(int directory);

// A name that is unique among all server processes on all machines: `start`, a dot and some letters and digits.
[[nodiscard]] std::string unique_name(std::string_view start);
// A name in a directory.
struct FileAt {
    int directory; // borrowed
    std::string name;
};
// Writes a new file, syncs it if requested, and renames it to `to`, replacing any existing file. `temporary` (on the
// same file system) is removed in any case.
[[nodiscard]] std::error_code write_and_rename(const FileAt& temporary, const FileAt& to,
                                               std::span<const std::string_view> content, bool sync);
[[nodiscard]] inline std::error_code write_and_rename(const FileAt& temporary, const FileAt& to,
                                                      std::string_view content, bool sync) {
    return write_and_rename(temporary, to, std::span{&content, 1}, sync);
}

} // namespace buzon::maildir
