// maildir/found.h - the messages of a Maildir while a scan works on them. Private to mail/.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/message/snapshot.h"
#include "buzon/posix/ring.h"
#include "directory.h"

namespace buzon::maildir {

// One message file. The names live in the listing, UIDLs in the index or where naming.h keeps them.
struct Found {
    std::string_view file_name;
    std::string_view uidl;      // empty until it is given
    std::string_view last_uidl; // what the last session was told; empty when that is not known
    std::uint64_t octets = 0;
    std::uint64_t stored_size = 0;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::uint16_t base_size = 0; // the first so many octets of the name
    bool in_new = false;
    bool wire_form = false;
    bool measured = false;
    bool gone = false;
    int unreadable = 0;          // errno, where it could not be measured
    bool shares_base = false;    // another message has the same base name
    std::uint32_t rank = 0;      // where the order is not that of delivery
    std::uint32_t last_rank = 0; // its place in the last session, with last_uidl

    [[nodiscard]] std::string_view base() const noexcept { return file_name.substr(0, base_size); }
    void take_identity(const struct stat& about) noexcept;
};

// Entries of an index, found again by the file they describe. An index with very many entries of one hash is none: a
// forged one costs no more time than another.
class KnownFiles {
public:
    explicit KnownFiles(std::shared_ptr<const message::Snapshot> index); // none: nothing is known

    [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
    // Takes octets and UIDL over where base name, inode, size and mtime are those of an entry.
    void recognise(Found& file) const;
    // The same for base name and inode alone, size and mtime taken over too. False: no such entry, or nothing measured.
    [[nodiscard]] bool recognise_by_name(Found& file) const;

private:
    // A hash table by inode and base name. A part of the hash beside it keeps most of what is not meant from being
    // looked at.
    struct Slot {
        std::uint32_t part;
        std::uint32_t entry; // index + 1; 0: free
    };
    [[nodiscard]] std::optional<std::uint32_t> entry(const Found& file) const;
    void take_measures(std::uint32_t i, Found& file) const;

    std::shared_ptr<const message::Snapshot> index_;
    std::vector<Slot> slots_;
};

// Reads those that are not yet measured and counts their octets. Files that vanished are marked gone, those that
// cannot be read unreadable. An error is trouble of ours (no memory, no descriptors), not of a file. With a ring
// many are opened, read and closed at a time; without, or where that fails, one by one.
[[nodiscard]] std::error_code measure(std::vector<Found>& files, const MaildirListing& listing, posix::Ring* ring);
// With the ring of this process, if there are enough of them and it can have one.
[[nodiscard]] std::error_code measure(std::vector<Found>& files, const MaildirListing& listing);

} // namespace buzon::maildir
