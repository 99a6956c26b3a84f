#include "buzon/message/snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "buzon/message/checksum.h"
#include "buzon/message/file_name.h"
#include "buzon/message/large.h"
#include "snapshot_layout.h"

namespace buzon::message {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t alignment = 16; // of the block in memory: more than its records need
constexpr std::size_t smallest_mapped = 64 * 1024;
constexpr std::size_t largest_copied = std::size_t{1} << 31; // a larger file is damaged, or an attack

std::error_code damaged() noexcept {
    return {EBADMSG, std::system_category()};
}

bool sealed_for_good(int fd) noexcept {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && (seals & F_SEAL_WRITE) != 0;
}

// A loop without an early exit, so that compilers can vectorize it.
bool all_graphic(std::string_view text) noexcept {
    unsigned odd = 0;
    for (const char c : text) odd |= static_cast<unsigned char>(static_cast<unsigned char>(c) - 0x21) > 0x7E - 0x21;
    return odd == 0;
}

bool holds(std::string_view text, char c) noexcept {
    return !text.empty() && std::memchr(text.data(), c, text.size()) != nullptr;
}

// Null if there is not enough memory: the size comes from a file.
char* new_block(std::size_t size) noexcept {
    void* const block = ::operator new (size, std::align_val_t{alignment}, std::nothrow);
    if (block != nullptr) all_will_be_used(block, size);
    return static_cast<char*>(block);
}

std::error_code read_block(int fd, char* block, std::size_t size) {
    for (std::size_t at = 0; at < size;) {
        const ssize_t n = ::pread(fd, block + at, size - at, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? last_error() : damaged();
        at += static_cast<std::size_t>(n);
    }
    return {};
}

struct Room {
    std::size_t octets;
    char* at = nullptr;
};

// For std::allocate_shared: allocates room after the object, so that a small Snapshot, its reference counts and its
// block need one allocation instead of three.
template <class T>
class WithRoom {
public:
    using value_type = T;
    explicit WithRoom(Room& room) noexcept : room_{&room} {}
    template <class U>
    WithRoom(const WithRoom<U>& other) noexcept : room_{other.room()} {}
    [[nodiscard]] Room* room() const noexcept { return room_; } // only while allocating

    [[nodiscard]] T* allocate(std::size_t count) {
        void* const all = ::operator new(count * sizeof(T) + room_->octets);
        room_->at = static_cast<char*>(all) + count * sizeof(T);
        return static_cast<T*>(all);
    }
    void deallocate(T* all, std::size_t) noexcept { ::operator delete(all); }
    template <class U>
    bool operator==(const WithRoom<U>&) const noexcept {
        return true;
    }

private:
    Room* room_;
};

} // namespace

std::shared_ptr<Snapshot> Snapshot::with_room(std::size_t size, char*& room) {
    static_assert(alignof(Record) <= alignof(Snapshot) && alignof(Header) <= alignof(Snapshot));
    std::shared_ptr<Snapshot> made;
    if (size <= smallest_mapped) {
        Room behind{size};
        made = std::allocate_shared<Snapshot>(WithRoom<Snapshot>{behind}, Key{});
        room = behind.at;
    } else {
        room = new_block(size);
        if (room == nullptr) return nullptr;
        made = std::make_shared<Snapshot>(Key{});
        made->place_ = Place::apart;
    }
    made->data_ = room;
    made->size_ = size;
    return made;
}

Result<std::shared_ptr<const Snapshot>> Snapshot::from_fd(UniqueFd file, bool check_all) {
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode)) return damaged();
    const auto size = static_cast<std::size_t>(about.st_size);
    if (size < sizeof(Header)) return damaged();
    std::shared_ptr<Snapshot> made;
    // A mapping costs at least a page, and a process is limited to about 65,000 of them: small blocks are copied.
    if (size > smallest_mapped && sealed_for_good(file.get())) {
        void* const block =
            ::mmap(nullptr, size, PROT_READ, MAP_SHARED | (check_all ? MAP_POPULATE : 0), file.get(), 0);
        if (block == MAP_FAILED) return last_error();
        made = std::make_shared<Snapshot>(Key{});
        made->data_ = static_cast<const char*>(block);
        made->size_ = size;
        made->place_ = Place::mapped;
    } else {
        if (size > largest_copied) return damaged();
        char* room = nullptr;
        made = with_room(size, room);
        if (!made) return std::error_code{ENOMEM, std::system_category()};
        if (const std::error_code why = read_block(file.get(), room, size)) return why;
    }
    if (!made->accept(check_all || made->place_ != Place::mapped)) return damaged();
    return std::shared_ptr<const Snapshot>{std::move(made)};
}

Snapshot::~Snapshot() {
    if (place_ == Place::mapped)
        ::munmap(const_cast<char*>(data_), size_);
    else if (place_ == Place::apart)
        ::operator delete (const_cast<char*>(data_), std::align_val_t{alignment});
}

// Checks everything that accessors and reply lines rely on.
bool Snapshot::accept(bool check_all) noexcept {
    const Header& head = header();
    if (head.magic != snapshot_magic || head.size != size_) return false;
    const std::size_t behind_header = size_ - sizeof(Header);
    const std::uint64_t records_size = std::uint64_t{head.count} * sizeof(Record);
    if (records_size > behind_header || head.names_size > behind_header - records_size) return false;
    if (head.uidls_size != behind_header - records_size - head.names_size) return false;
    names_ = data_ + sizeof(Header) + records_size;
    const char* const uidls = names_ + head.names_size;
    if (!check_all) return true;
    if (checksum(bytes().substr(checksum_starts)) != head.checksum) return false;
    const std::string_view names{names_, head.names_size};
    if (holds(names, '/') || holds(names, '\0') || !all_graphic({uidls, head.uidls_size})) return false;
    const bool graphic = all_graphic(names);
    std::uint64_t total = 0;
    for (std::uint32_t i = 0; i < head.count; ++i) {
        const Record& one = record(i);
        if (one.name_size == 0 || one.name_size > longest_file_name || one.base_size > one.name_size) return false;
        if (std::uint64_t{one.name_at} + one.name_size > head.names_size) return false;
        if (names_[one.name_at] == '.') return false; // message names have no leading dot
        if (std::uint64_t{one.uidl_at} + one.uidl_size > head.uidls_size || one.uidl_size > 70) return false;
        if (one.uidl_size == 0 && one.base_size == 0) return false;
        if (one.uidl_size == 0 && !graphic && !all_graphic(base_name(i))) return false;
        total += one.octets;
    }
    return total == head.total_octets;
}

const Snapshot::Header& Snapshot::header() const noexcept {
    return *static_cast<const Header*>(static_cast<const void*>(data_));
}

const Snapshot::Record& Snapshot::record(std::uint32_t index) const noexcept {
    return static_cast<const Record*>(static_cast<const void*>(data_ + sizeof(Header)))[index];
}

std::uint32_t Snapshot::count() const noexcept {
    return header().count;
}
std::uint64_t Snapshot::total_octets() const noexcept {
    return header().total_octets;
}
const Stamps& Snapshot::stamps() const noexcept {
    return header().stamps;
}
bool Snapshot::settled() const noexcept {
    return header().settled != 0;
}
std::uint64_t Snapshot::rules() const noexcept {
    return header().rules;
}

std::uint64_t Snapshot::octets(std::uint32_t index) const noexcept {
    return record(index).octets;
}
std::uint64_t Snapshot::stored_size(std::uint32_t index) const noexcept {
    return record(index).stored_size;
}
std::uint64_t Snapshot::inode(std::uint32_t index) const noexcept {
    return record(index).inode;
}
std::int64_t Snapshot::mtime_ns(std::uint32_t index) const noexcept {
    return record(index).mtime_ns;
}
bool Snapshot::in_new(std::uint32_t index) const noexcept {
    return (record(index).flags & Record::is_new) != 0;
}
bool Snapshot::wire_form(std::uint32_t index) const noexcept {
    return (record(index).flags & Record::is_wire_form) != 0;
}
bool Snapshot::measured(std::uint32_t index) const noexcept {
    return (record(index).flags & Record::is_measured) != 0;
}
bool Snapshot::shares_base(std::uint32_t index) const noexcept {
    return (record(index).flags & Record::is_namesake) != 0;
}
bool Snapshot::own_uidl(std::uint32_t index) const noexcept {
    return record(index).uidl_size != 0;
}

std::string_view Snapshot::file_name(std::uint32_t index) const noexcept {
    return {names_ + record(index).name_at, record(index).name_size};
}

std::string_view Snapshot::base_name(std::uint32_t index) const noexcept {
    return {names_ + record(index).name_at, record(index).base_size};
}

std::string_view Snapshot::uidl(std::uint32_t index) const noexcept {
    if (!own_uidl(index)) return base_name(index);
    return {names_ + header().names_size + record(index).uidl_at, record(index).uidl_size};
}

} // namespace buzon::message
