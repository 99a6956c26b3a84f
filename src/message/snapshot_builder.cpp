#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <limits>

#include "buzon/message/checksum.h"
#include "buzon/message/file_name.h"
#include "buzon/message/large.h"
#include "buzon/message/snapshot.h"
#include "buzon/posix/io.h"
#include "snapshot_layout.h"

namespace buzon::message {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

template <class T>
std::string_view octets_of(const T* first, std::size_t count) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>, "no padding");
    return {static_cast<const char*>(static_cast<const void*>(first)), count * sizeof(T)};
}

bool sound(const MessageEntry& message) noexcept {
    if (!is_message_name(message.file_name)) return false;
    const std::string_view base = base_name(message.file_name);
    return may_be_uidl(message.uidl.empty() ? base : message.uidl, base);
}

} // namespace

struct SnapshotBuilder::Parts {
    static_assert(sizeof(Snapshot::Record) == 48 && sizeof(Snapshot::Header) == 128);

    Snapshot::Header header;
    std::vector<Snapshot::Record> records;
    std::string names;
    std::string uidls;
    std::error_code trouble;

    // Returns the whole block. The 32-bit offsets into names and UIDLs limit its size.
    Result<std::string> assemble() {
        constexpr std::size_t max = std::numeric_limits<std::uint32_t>::max();
        if (trouble) return trouble;
        if (records.size() >= max || names.size() > max || uidls.size() > max)
            return std::error_code{EOVERFLOW, std::system_category()};
        header.count = static_cast<std::uint32_t>(records.size());
        header.names_size = names.size();
        header.uidls_size = uidls.size();
        header.size = sizeof header + records.size() * sizeof(Snapshot::Record) + names.size() + uidls.size();
        std::string all;
        reserve_all(all, header.size);
        all.append(octets_of(&header, 1)).append(octets_of(records.data(), records.size())).append(names).append(uidls);
        const std::uint64_t sum = checksum(std::string_view{all}.substr(checksum_starts));
        std::memcpy(all.data() + checksum_starts - sizeof sum, &sum, sizeof sum);
        return all;
    }
};

SnapshotBuilder::SnapshotBuilder() : parts_{std::make_unique<Parts>()} {}
SnapshotBuilder::~SnapshotBuilder() = default;

void SnapshotBuilder::reserve(std::size_t messages, std::size_t name_octets) {
    reserve_all(parts_->records, messages);
    reserve_all(parts_->names, name_octets);
}

void SnapshotBuilder::add(const MessageEntry& message) {
    if (!sound(message)) {
        parts_->trouble = {EINVAL, std::system_category()};
        return;
    }
    Snapshot::Record one;
    one.octets = message.octets;
    one.stored_size = message.stored_size;
    one.inode = message.inode;
    one.mtime_ns = message.mtime_ns;
    one.name_at = static_cast<std::uint32_t>(parts_->names.size());
    one.name_size = static_cast<std::uint16_t>(message.file_name.size());
    one.base_size = static_cast<std::uint16_t>(base_name(message.file_name).size());
    const auto flag = [](bool set, std::uint8_t bit) { return set ? bit : std::uint8_t{0}; };
    one.flags = static_cast<std::uint8_t>(flag(message.in_new, Snapshot::Record::is_new) |
                                          flag(message.wire_form, Snapshot::Record::is_wire_form) |
                                          flag(message.measured, Snapshot::Record::is_measured) |
                                          flag(message.shares_base, Snapshot::Record::is_namesake));
    if (!message.uidl.empty() && message.uidl != base_name(message.file_name)) {
        one.uidl_at = static_cast<std::uint32_t>(parts_->uidls.size());
        one.uidl_size = static_cast<std::uint8_t>(message.uidl.size());
        parts_->uidls += message.uidl;
    }
    parts_->names += message.file_name;
    parts_->header.total_octets += message.octets;
    parts_->records.push_back(one);
}

void SnapshotBuilder::set_stamps(const Stamps& stamps, bool settled) {
    parts_->header.stamps = stamps;
    parts_->header.settled = settled ? 1 : 0;
}

void SnapshotBuilder::set_rules(std::uint64_t rules) {
    parts_->header.rules = rules;
}

Result<std::string> SnapshotBuilder::bytes() {
    Result<std::string> all = parts_->assemble();
    parts_ = std::make_unique<Parts>();
    return all;
}

Result<UniqueFd> SnapshotBuilder::sealed() {
    const Result<std::string> all = bytes();
    if (!all) return all.error();
    return seal_in_memfd(all.value(), "buzon-snapshot");
}

Result<UniqueFd> seal_in_memfd(std::string_view bytes, const char* name) {
    UniqueFd file{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file) return last_error();
    if (const std::error_code why = posix::write_all(file.get(), bytes)) return why;
    if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return last_error();
    return file;
}

} // namespace buzon::message
