// message/snapshot.h - an immutable picture of one maildrop in one block of bytes, shared by all who look at it. Opens
// no Maildir: scan.h makes it.
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

// One message, as SnapshotBuilder takes it. The views need only live during the call.
struct MessageEntry {
    std::string_view file_name;    // as it lies in new or cur, with its flags; 1-255 octets without '/' and NUL
    bool in_new = false;           // else in cur
    std::uint64_t octets = 0;      // as a client receives them (contract section 2)
    std::string_view uidl = {};    // empty: the base name serves; else 1-70 of 0x21-0x7E
    std::uint64_t stored_size = 0; // these three are the file's identity
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    bool wire_form = false;   // as OctetCounter::wire_form()
    bool measured = true;     // false: the file could not be read, octets is its size on disk
    bool shares_base = false; // another message has the same base name
};

// The messages in session order. The same block is the worker's answer, the entry of the reactor's cache and the file
// `buzon-index`: a checked header, fixed-size records of 48 octets, all names, all UIDLs. No pointers inside.
// Message numbers here count from zero; Maildrop has those of the protocol. An index out of range is a bug of the
// caller's. Views live as long as the snapshot.
class Snapshot {
public:
    // Takes the block in `file` from its beginning. Everything is validated (bounds, order of parts, checksum): a
    // damaged or foreign file is EBADMSG, never a crash. A large memfd sealed against writing and shrinking is mapped;
    // anything else, which somebody might cut short under us, is copied. Of what a worker of ours has just made,
    // sealed, only the parts' bounds are looked at (check_all = false): a million records would hold the reactor up.
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
    // What tells the file from others of its base name: the inode, or 0 when there are none. Then the name alone is the
    // message, and a copy that another program has put in its place is still it.
    [[nodiscard]] std::uint64_t telling_inode(std::uint32_t index) const noexcept {
        return shares_base(index) ? inode(index) : 0;
    }

    // The directories as they were just before they were read.
    [[nodiscard]] const Stamps& stamps() const noexcept;
    // False when a directory had been changed so shortly before that a later change could bear the same time.
    [[nodiscard]] bool settled() const noexcept;
    // Whether a maildrop with these stamps is certainly the one pictured: equal stamps, and settled ones.
    [[nodiscard]] bool is_current(const Stamps& now) const noexcept { return settled() && stamps() == now; }
    // Which rules gave the UIDLs and the order: a picture made under others is no longer true (scan.h).
    [[nodiscard]] std::uint64_t rules() const noexcept;

    // What it costs to keep, for a bounded cache.
    [[nodiscard]] std::size_t memory() const noexcept { return size_; }
    [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

private:
    struct Record;
    struct Header;
    friend class SnapshotBuilder;
    struct Key {}; // for us alone: std::allocate_shared wants a constructor that it may call

public:
    explicit Snapshot(Key) noexcept {}

private:
    enum class Place : std::uint8_t { behind_us, apart, mapped };
    // With room for a block of that size, of which `room` is the beginning; null: there is no such amount of memory.
    [[nodiscard]] static std::shared_ptr<Snapshot> with_room(std::size_t size, char*& room);
    bool accept(bool check_all) noexcept;
    const Header& header() const noexcept;
    const Record& record(std::uint32_t index) const noexcept;

    const char* data_ = nullptr;
    std::size_t size_ = 0;
    const char* names_ = nullptr; // the UIDLs follow
    Place place_ = Place::behind_us;
};

// Puts a Snapshot together, message by message in session order.
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

    // The block. The builder is spent afterwards. EOVERFLOW beyond 4 GiB of names or 2^32-1 messages, EINVAL when an
    // entry broke its rules.
    [[nodiscard]] posix::Result<std::string> bytes();
    // The block in a memfd, sealed: what a worker hands to the reactor.
    [[nodiscard]] posix::Result<posix::UniqueFd> sealed();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// The block in a new memfd, sealed against every change.
[[nodiscard]] posix::Result<posix::UniqueFd> seal_in_memfd(std::string_view bytes, const char* name);

} // namespace buzon::message
