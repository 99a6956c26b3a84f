// maildir/found.h - the messages of a Maildir during a scan. Private to maildir/.
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

// One message file. Names are stored in the listing, UIDLs in the index or by naming.h.
struct Found {
    std::string_view file_name;
    std::string_view uidl;      // empty until assigned
    std::string_view last_uidl; // as shown in the last session; empty if unknown
    std::uint64_t octets = 0;
    std::uint64_t stored_size = 0;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::uint16_t base_size = 0; // length of the base name
    bool in_new = false;
    bool wire_form = false;
    bool measured = false;
    bool gone = false;
    int unreadable = 0;          // errno if it could not be measured
    bool shares_base = false;    // another message has the same base name
    std::uint32_t rank = 0;      // its place in the order, if that is not the order of delivery
    std::uint32_t last_rank = 0; // its place in the last session, if last_uidl is set

    [[nodiscard]] std::string_view base() const noexcept { return file_name.substr(0, base_size); }
    void take_identity(const struct stat& about) noexcept;
};

// Looks up index entries by the file they describe. An index with too many entries for one hash is ignored, so that a
// forged one cannot cost time.
class KnownFiles {
public:
    explicit KnownFiles(std::shared_ptr<const message::Snapshot> index); // null: nothing is known

    [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
    // Copies octets and UIDL from an entry with the same base name, inode, size and mtime.
    void recognise(Found& file) const;
    // The same for equal base name and inode only; also copies size and mtime. False: no such entry, or it was not
    // measured.
    [[nodiscard]] bool recognise_by_name(Found& file) const;

private:
    // A hash table by inode and base name. Part of the hash is stored with each entry, so that most mismatches are
    // detected without reading the entry.
    struct Slot {
        std::uint32_t part;
        std::uint32_t entry; // index + 1; 0: free
    };
    [[nodiscard]] std::optional<std::uint32_t> entry(const Found& file) const;
    void take_measures(std::uint32_t i, Found& file) const;

    std::shared_ptr<const message::Snapshot> index_;
    std::vector<Slot> slots_;
};

// Reads the files not yet measured and counts their octets. Vanished files are marked gone, unreadable ones unreadable.
// An error means that the problem is ours (no memory, no descriptors), not that of a file. With a ring, many files are
// opened, read and closed at a time; without one, or if that fails, one by one.
[[nodiscard]] std::error_code measure(std::vector<Found>& files, const MaildirListing& listing, posix::Ring* ring);
// Uses the ring of this process, if there are enough files and a ring is available.
[[nodiscard]] std::error_code measure(std::vector<Found>& files, const MaildirListing& listing);

} // namespace buzon::maildir
