// message/snapshot.h - an immutable snapshot of one maildrop in one block of memory, shared by all its users. Does not
// read Maildirs: scan.h creates it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/message/stamps.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::message {

// One message, as passed to SnapshotBuilder. The views are used only during the call.
struct MessageEntry {
    std::string_view file_name;    // in new or cur, with its flags; 1-255 octets without '/' and NUL
    bool in_new = false;           // false: in cur
    std::uint64_t octets = 0;      // as a client receives them (contract section 2)
    std::string_view uidl = {};    // empty: the base name is the UIDL; otherwise 1-70 octets of 0x21-0x7E
    std::uint64_t stored_size = 0; // these three identify the file
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    bool wire_form = false;   // see OctetCounter::wire_form()
    bool measured = true;     // false: the file could not be read, and octets is its size on disk
    bool shares_base = false; // another message has the same base name
};

// The messages in session order. The same block is the worker's answer, the entry in the reactor's cache and the file
// `buzon-index`: a checked header, fixed-size records of 48 octets, all names, all UIDLs. It contains no pointers.
// Message indexes count from zero; Maildrop has the numbers of the protocol. An index out of range is a bug in the
// caller. Views are valid as long as the snapshot.
class Snapshot {
public:
    // Reads the block from the beginning of `file`. Everything is validated (bounds, order of parts, checksum): a
    // damaged or foreign file gives EBADMSG, never a crash. A large memfd sealed against writing and shrinking is
    // mapped; anything else could be truncated by others and is copied. For a sealed block just made by our own worker,
    // check only the bounds of the parts (check_all = false), because checking a million records would delay the
    // reactor.
    [[nodiscard]] static posix::Result<std::shared_ptr<const Snapshot>> from_fd(posix::UniqueFd file,
                                                                                bool check_all = true);

    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();

    [[nodiscard]] std::uint32_t count() const noexcept;
    [[nodiscard]] std::uint64_t total_octets() const noexcept;

    [[nodiscard]] std::uint64_t octets(std::uint32_t index) const noexcept;
    [[nodiscard]] std::uint64_t stored_size(std::uint32_t index) const noexcept;
    [[nodiscard]] std::uint64_t inode(std::uint32_t index) const noexcept;
    [[nodiscard]] std::int64_t mtime_ns(std::uint32_t index) const noexcept;
    [[nodiscard]] std::string_view file_name(std::uint32_t index) const noexcept; // with its flags
    [[nodiscard]] std::string_view base_name(std::uint32_t index) const noexcept; // up to the first ':'
    [[nodiscard]] std::string_view uidl(std::uint32_t index) const noexcept;
    [[nodiscard]] bool in_new(std::uint32_t index) const noexcept;
    [[nodiscard]] bool wire_form(std::uint32_t index) const noexcept;
    [[nodiscard]] bool measured(std::uint32_t index) const noexcept;
    [[nodiscard]] bool own_uidl(std::uint32_t index) const noexcept; // the UIDL is not the base name
    [[nodiscard]] bool shares_base(std::uint32_t index) const noexcept;
    // Distinguishes the file from others with the same base name: its inode, or 0 if no other file has that base name.
    // With 0 the name alone identifies the message, even if another program has replaced the file with a copy.
    [[nodiscard]] std::uint64_t telling_inode(std::uint32_t index) const noexcept {
        return shares_base(index) ? inode(index) : 0;
    }

    // The directories' times just before they were read.
    [[nodiscard]] const Stamps& stamps() const noexcept;
    // False if a directory changed so recently that a later change could have the same time.
    [[nodiscard]] bool settled() const noexcept;
    // Whether a maildrop with these stamps is certainly unchanged: the stamps are equal and settled.
    [[nodiscard]] bool is_current(const Stamps& now) const noexcept { return settled() && stamps() == now; }
    // UidlRules::digest() of the rules it was made under. A snapshot made under other rules is outdated (scan.h).
    [[nodiscard]] std::uint64_t rules() const noexcept;

    // Its memory usage, for a bounded cache.
    [[nodiscard]] std::size_t memory() const noexcept { return size_; }
    [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

private:
    struct Record;
    struct Header;
    friend class SnapshotBuilder;
    struct Key {}; // private, because std::allocate_shared needs a public constructor

public:
    explicit Snapshot(Key) noexcept {}

private:
    enum class Place : std::uint8_t { behind_us, apart, mapped };
    // Allocates a Snapshot with a block of that size, which begins at `room`. Null if there is not enough memory.
    [[nodiscard]] static std::shared_ptr<Snapshot> with_room(std::size_t size, char*& room);
    bool accept(bool check_all) noexcept;
    const Header& header() const noexcept;
    const Record& record(std::uint32_t index) const noexcept;

    const char* data_ = nullptr;
    std::size_t size_ = 0;
    const char* names_ = nullptr; // followed by the UIDLs
    Place place_ = Place::behind_us;
};

// Builds a Snapshot, message by message in session order.
class SnapshotBuilder {
public:
    SnapshotBuilder();
    ~SnapshotBuilder();
    SnapshotBuilder(const SnapshotBuilder&) = delete;
    SnapshotBuilder& operator=(const SnapshotBuilder&) = delete;

    void reserve(std::size_t messages, std::size_t name_octets = 0);
    void add(const MessageEntry& message);
    void set_stamps(const Stamps& stamps, bool settled);
    void set_rules(std::uint64_t rules);

    // Returns the block; the builder cannot be used afterwards. EOVERFLOW beyond 4 GiB of names or 2^32-1 messages,
    // EINVAL if an entry was invalid.
    [[nodiscard]] posix::Result<std::string> bytes();
    // The block in a sealed memfd, for a worker to send to the reactor.
    [[nodiscard]] posix::Result<posix::UniqueFd> sealed();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// The block in a new memfd, sealed against all changes.
[[nodiscard]] posix::Result<posix::UniqueFd> seal_in_memfd(std::string_view bytes, const char* name);

} // namespace buzon::message
