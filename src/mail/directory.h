// mail/directory.h - the directories of a Maildir: opened, stamped, listed. Private to mail/.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/mail/stamps.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::mail {

[[nodiscard]] posix::Result<posix::UniqueFd> open_directory(int parent, const char* path);
[[nodiscard]] inline const char* folder_of(bool in_new) noexcept { return in_new ? "new" : "cur"; }

[[nodiscard]] inline std::int64_t nanoseconds(const timespec& when) noexcept {
    return std::int64_t{when.tv_sec} * 1'000'000'000 + when.tv_nsec;
}


// Names of one directory, all in one string.
struct Listing {
    struct Name {
        std::uint64_t inode;   // as readdir says it
        std::uint32_t at;
        std::uint16_t size;
        bool may_be_file;      // false: certainly none
    };
    std::string names;
    std::vector<Name> all;

    [[nodiscard]] std::string_view view(const Name& name) const noexcept { return {names.data() + name.at, name.size}; }
    // For calls that need a terminated one: it is.
    [[nodiscard]] const char* path(const Name& name) const noexcept { return names.data() + name.at; }
};

// Everything in the directory but dot files. EOVERFLOW beyond 4 GiB of names.
[[nodiscard]] posix::Result<Listing> list_directory(int directory);

// Both directories; one that is missing is empty.
struct MaildirListing {
    posix::UniqueFd in_new_fd, cur_fd;   // open while it lasts
    Listing in_new, cur;
    Stamps before;                       // as the directories were before they were read

    [[nodiscard]] const Listing& folder(bool is_new) const noexcept { return is_new ? in_new : cur; }
    [[nodiscard]] int fd(bool is_new) const noexcept { return is_new ? in_new_fd.get() : cur_fd.get(); }
};
// Read again, a few times, when they changed meanwhile: readdir may miss what is renamed while it runs. A message that
// goes from new to cur may still be in both lists, but is in one at least.
[[nodiscard]] posix::Result<MaildirListing> list_maildir(int maildir);

// Opened for reading, a regular file for certain (else ENOENT), never through a link, never waiting for a FIFO's writer.
// `about` is filled in.
[[nodiscard]] posix::Result<posix::UniqueFd> open_regular(int directory, const char* name, struct stat& about);

} // namespace buzon::mail
