// maildir/frozen_list.h - `buzon-uidl`: what was once given, for ever. Private to mail/.
//
//   buzon-uidl 1 SOURCE CHECKSUM
//   UIDL IDENTITY BASE-NAME CHECKSUM        one line a message, appended, in session order
//
// SOURCE is base, dovecot or courier: with base, messages without a line have their base name and the order is that of
// delivery; else the order is that of the lines. IDENTITY is "-", or INODE.SIZE.MTIME where several messages have one
// base name. Octets outside 0x21-0x7E and "%" are written as %XX. A line whose checksum is wrong (torn by a crash) is
// as none; the first of two lines for one message holds.
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

// The file, opened to be read or, under a lock that ends with this object, to be written too.
class FrozenFile {
public:
    // A missing one reads as no list. One that cannot be read, or is none of ours (own_file.h), is an error: without it
    // UIDLs would change.
    [[nodiscard]] static posix::Result<FrozenFile> open(int maildir);
    // Made if it is missing. Nothing where it cannot be written.
    [[nodiscard]] static std::optional<FrozenFile> open_locked(int maildir);

    [[nodiscard]] posix::Result<FrozenUidls> read();
    // Adds whole lines and syncs them.
    [[nodiscard]] std::error_code append(std::string_view lines, bool sync);
    // Puts another content in place of the file.
    [[nodiscard]] std::error_code replace(std::string_view content);

private:
    FrozenFile(int maildir, posix::UniqueFd file) : maildir_{maildir}, file_{std::move(file)} {}

    int maildir_; // borrowed
    posix::UniqueFd file_;
    bool torn_ = false; // the last line has no end
    bool fresh_ = false;
};

} // namespace buzon::maildir
