// maildir/directory.h - the directories of a Maildir: opened, stamped, listed. Private to mail/.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

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

// The Maildir itself. It, and what lies above it, may be symbolic links; but root follows one in the Maildir's place
// only where the link is root's or has the owner of its target (else EPERM): anybody may make a link to another user's
// mail. `below`: the open directory that a relative path begins at.
[[nodiscard]] posix::Result<posix::UniqueFd> open_maildir(const std::string& path, int below = AT_FDCWD);
// A directory right below another one, never through a symbolic link (ELOOP).
[[nodiscard]] posix::Result<posix::UniqueFd> open_folder(int parent, const char* name);
[[nodiscard]] inline bool is_no_room(std::error_code why) noexcept {
    return why.value() == ENOSPC || why.value() == EDQUOT;
}
[[nodiscard]] inline const char* folder_of(bool in_new) noexcept {
    return in_new ? "new" : "cur";
}

// Names of one directory, all in one string.
struct Listing {
    struct Name {
        std::uint64_t inode; // as readdir says it
        std::uint32_t at;
        std::uint16_t size;
        bool may_be_file; // false: certainly none
        bool surely_file; // a regular one
    };
    std::string names;
    std::vector<Name> all;
    std::vector<std::string> journals; // dot files that journal.h made

    [[nodiscard]] std::string_view view(const Name& name) const noexcept { return {names.data() + name.at, name.size}; }
    // For calls that need a terminated one: it is.
    [[nodiscard]] const char* path(const Name& name) const noexcept { return names.data() + name.at; }

    [[nodiscard]] std::error_code add(const dirent64& entry);
};

// Everything in the directory but dot files, of which only journals are told. EOVERFLOW beyond 4 GiB of names.
// From its start, wherever it was read to before. `expected`: about so many names; another number costs time alone.
[[nodiscard]] posix::Result<Listing> list_directory(int directory, std::size_t expected = 0);

// The two directories that hold messages, open. One that is missing is -1. Whatever is done to a message is done
// relative to these: nobody can put a link in their place meanwhile.
struct Folders {
    posix::UniqueFd in_new, cur;

    [[nodiscard]] static posix::Result<Folders> open(int maildir);
    [[nodiscard]] int fd(bool is_new) const noexcept { return is_new ? in_new.get() : cur.get(); }
};

// Both directories; one that is missing is empty.
struct MaildirListing {
    Folders folders; // open while it lasts
    Listing in_new, cur;
    message::Stamps before; // as the directories were before they were read

    [[nodiscard]] const Listing& folder(bool is_new) const noexcept { return is_new ? in_new : cur; }
    [[nodiscard]] int fd(bool is_new) const noexcept { return folders.fd(is_new); }
};
// Read again, a few times, when they changed meanwhile, or so shortly before that nobody can tell: readdir may miss
// what is renamed while it runs. A message that goes from new to cur may still be in both lists, but is in one at
// least. `expected`: so many messages were there the last time.
[[nodiscard]] posix::Result<MaildirListing> list_maildir(int maildir, std::size_t expected = 0);

constexpr int open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
// Opened for reading with these, a regular file for certain (else ENOENT), never through a link, never waiting for a
// FIFO's writer. `about` is filled in.
[[nodiscard]] posix::Result<posix::UniqueFd> open_regular(int directory, const char* name, struct stat& about);

// One rename that never replaces a file (else EEXIST). Where the file system has no such call (NFS) it is a link and an
// unlink: a crash between them leaves one message with two names, and the scan lists it once.
[[nodiscard]] std::error_code move_without_replacing(int from_directory, const std::string& from, int to_directory,
                                                     const std::string& to);
// Names added and removed reach the disk. No error where a file system cannot do this for directories: it is then as
// safe as it can be. -1 is no directory, and done.
[[nodiscard]] std::error_code sync_directory(int directory);

// The same for all server processes, on whatever machines: `start`, a dot and some letters and digits.
[[nodiscard]] std::string unique_name(std::string_view start);
// A name in a directory.
struct FileAt {
    int directory; // borrowed
    std::string name;
};
// Writes a new file, syncs it when asked to, and gives it the name `to`, replacing what was there. `temporary` (in the
// same file system) is gone afterwards, whatever happens.
[[nodiscard]] std::error_code write_and_rename(const FileAt& temporary, const FileAt& to,
                                               std::span<const std::string_view> content, bool sync);
[[nodiscard]] inline std::error_code write_and_rename(const FileAt& temporary, const FileAt& to,
                                                      std::string_view content, bool sync) {
    return write_and_rename(temporary, to, std::span{&content, 1}, sync);
}

} // namespace buzon::maildir
