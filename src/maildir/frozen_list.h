// maildir/frozen_list.h - `buzon-uidl`: the UIDLs given so far, which never change. Private to maildir/.
//
//   buzon-uidl 1 SOURCE CHECKSUM
//   UIDL IDENTITY BASE-NAME CHECKSUM        one line per message, appended, in session order
//
// SOURCE is base, dovecot or courier. With base, messages without a line have their base name as UIDL and the order is
// by delivery; otherwise the order is that of the lines. IDENTITY is "-", or INODE.SIZE.MTIME if several messages have
// the same base name. Octets outside 0x21-0x7E and "%" are written as %XX. A line with a wrong checksum (torn by a
// crash) is ignored; of two lines for one message the first is valid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/message/uidl_rules.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

inline constexpr const char* frozen_list_name = "buzon-uidl";

struct FileIdentity {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;

    // The same file, or a faithful copy of it in a Maildir that was moved.
    [[nodiscard]] bool fits(const FileIdentity& other) const noexcept {
        return size == other.size && (inode == other.inode || mtime_ns == other.mtime_ns);
    }
};

struct FrozenUidl {
    std::string uidl;
    std::string base;
    std::optional<FileIdentity> identity;
};

struct FrozenUidls {
    bool exists = false;
    message::UidlSource source = message::UidlSource::base_name;
    std::vector<FrozenUidl> entries;

    // Whether the order is that of the entries.
    [[nodiscard]] bool ordered() const noexcept { return source != message::UidlSource::base_name; }
};

[[nodiscard]] FrozenUidls parse_frozen_list(std::string_view content);
[[nodiscard]] std::string frozen_header(message::UidlSource source);
[[nodiscard]] std::string frozen_line(const FrozenUidl& entry);

// The file, opened for reading or, under a lock held by this object, also for writing.
class FrozenFile {
public:
    // A missing file is an empty list. A file that cannot be read, or is not ours (own_file.h), is an error, because
    // without it UIDLs would change.
    [[nodiscard]] static posix::Result<FrozenFile> open(int maildir);
    // Creates the file if missing. std::nullopt if it cannot be written.
    [[nodiscard]] static std::optional<FrozenFile> open_locked(int maildir);

    [[nodiscard]] posix::Result<FrozenUidls> read();
    // Appends whole lines and syncs them.
    [[nodiscard]] std::error_code append(std::string_view lines, bool sync);
    // Replaces the content of the file.
    [[nodiscard]] std::error_code replace(std::string_view content);

private:
    FrozenFile(int maildir, posix::UniqueFd file) : maildir_{maildir}, file_{std::move(file)} {}

    int maildir_; // borrowed
    posix::UniqueFd file_;
    bool torn_ = false; // the last line is incomplete
    bool fresh_ = false;
};

} // namespace buzon::maildir
