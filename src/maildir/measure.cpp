#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

#include "buzon/maildir/scan.h"
#include "buzon/message/dot_stuffer.h"
#include "buzon/posix/ring.h"
#include "found.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t batch_size = 32;         // a larger batch gains nothing
constexpr std::size_t first_piece = 32 * 1024; // of each file in a batch: nearly all mail is smaller
constexpr std::size_t piece_size = 256 * 1024; // of a single file
constexpr std::size_t min_files_for_ring = 4;

// A static buffer, because mapping and unmapping memory costs more than reading a message. Small messages touch few of
// its pages.
std::array<char, batch_size * first_piece> read_room;
static_assert(read_room.size() >= piece_size);

struct Unread {
    std::uint64_t inode; // stored beside the pointer, so that sorting reads nothing else
    Found* file;
};

bool is_ours(std::error_code why) noexcept {
    return why.value() == EMFILE || why.value() == ENFILE || why.value() == ENOMEM;
}

// `size` is the file's size at open: if a piece reaches it and is not full, it was the last one, and no further read is
// needed to find the end.
bool was_last(std::size_t octets, std::size_t room, const message::OctetCounter& counter, std::uint64_t size) noexcept {
    return octets == 0 || (octets < room && counter.stored_size() >= size);
}

// Counts the part of the file that has not been counted yet.
std::error_code count_octets(int fd, std::uint64_t size, std::span<char> room, message::OctetCounter& counter) {
    for (;;) {
        const ssize_t n = ::pread(fd, room.data(), room.size(), static_cast<off_t>(counter.stored_size()));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return last_error();
        const auto octets = static_cast<std::size_t>(n);
        counter.feed({room.data(), octets});
        if (was_last(octets, room.size(), counter, size)) return {};
    }
}

void take_counts(Found& file, const message::OctetCounter& counter) noexcept {
    // If this size differs from the file's, the file is being written, and it will be read again next time.
    file.stored_size = counter.stored_size();
    file.octets = counter.finish();
    file.wire_form = counter.wire_form();
    file.measured = true;
}

std::error_code measure_one(Found& file, int folder) {
    struct stat about {};
    const Result<UniqueFd> opened = open_regular(folder, file.file_name.data(), about);
    message::OctetCounter counter;
    std::error_code why = opened.error();
    if (opened) {
        file.take_identity(about);
        why = count_octets(opened.value().get(), file.stored_size, std::span{read_room}.first(piece_size), counter);
    }
    if (is_ours(why)) return why;
    file.gone = why.value() == ENOENT || why.value() == ESTALE;
    if (why && !file.gone) file.unreadable = why.value();
    if (!why) take_counts(file, counter);
    return {};
}

// Whether the ring itself can read data that is in memory. On a file system without non-blocking reads (tmpfs), it
// would pass each read to a thread, which takes longer than reading.
bool reads_at_once(int fd) noexcept {
    char octet = 0;
    const iovec into{&octet, 1};
    return ::preadv2(fd, &into, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
}

int read_first(int fd, std::span<char> room) noexcept {
    const ssize_t n = ::pread(fd, room.data(), room.size(), 0);
    return n < 0 ? -errno : static_cast<int>(n);
}

// Measures up to batch_size files: opens them together, reads them together, closes them together. Leaves failures
// unmeasured, for measure_one() to find the cause.
void measure_batch(std::span<const Unread> batch, const MaildirListing& listing, posix::Ring& ring) {
    for (const Unread& one : batch) ring.open(listing.fd(one.file->in_new), one.file->file_name.data(), open_flags);
    struct Opened {
        int fd;
        Found* file;
        std::span<char> room;
    };
    std::array<Opened, batch_size> opened;
    std::size_t count = 0;
    for (std::size_t i = 0; const int fd : ring.perform()) {
        Found* const file = batch[i++].file;
        if (fd < 0) continue;
        opened[count] = {fd, file, std::span{read_room}.subspan(count * first_piece, first_piece)};
        ++count; // not above: g++ 12 increments it before it evaluates the rest of the braces
    }
    const std::span<Opened> all = std::span{opened}.first(count);

    // Reads only regular files: the octets in a FIFO belong to somebody else.
    const auto regular = std::partition(all.begin(), all.end(), [](const Opened& one) {
        struct stat about {};
        if (::fstat(one.fd, &about) != 0 || !S_ISREG(about.st_mode)) return false;
        one.file->take_identity(about);
        return true;
    });
    const bool together = regular != all.begin() && reads_at_once(all.front().fd);
    if (together)
        for (auto one = all.begin(); one != regular; ++one) ring.read(one->fd, one->room);
    const std::span<const int> read = ring.perform();
    for (auto one = all.begin(); one != regular; ++one) {
        const Opened& here = *one;
        const int n = together ? read[static_cast<std::size_t>(one - all.begin())] : read_first(here.fd, here.room);
        if (n < 0) continue;
        const auto octets = static_cast<std::size_t>(n);
        message::OctetCounter counter;
        counter.feed({here.room.data(), octets});
        // The rest of a large file goes through the same buffer.
        if (was_last(octets, here.room.size(), counter, here.file->stored_size) ||
            !count_octets(here.fd, here.file->stored_size, here.room, counter)) {
            take_counts(*here.file, counter);
        }
    }

    for (const Opened& one : all) ring.close(one.fd);
    for (auto one = all.begin(); const int result : ring.perform()) {
        if (result == -ECANCELED) ::close(one->fd);
        ++one;
    }
}

// Created once and kept for the life of the process. Null if no ring is available.
posix::Ring* ring_of_this_process() {
    struct Owned {
        pid_t owner = ::getpid();
        std::optional<posix::Ring> ring = posix::Ring::make(batch_size);
    };
    static std::unique_ptr<Owned> kept;
    if (!kept || kept->owner != ::getpid()) kept = std::make_unique<Owned>(); // a forked child still has its parent's
    return kept->ring ? &*kept->ring : nullptr;
}

} // namespace

void make_ring() {
    (void)ring_of_this_process();
}

std::error_code measure(std::vector<Found>& files, const MaildirListing& listing, posix::Ring* ring) {
    std::vector<Unread> unread;
    for (Found& file : files)
        if (!file.measured) unread.push_back({file.inode, &file});
    // In inode order, a disk reads them with the least seeking.
    std::sort(unread.begin(), unread.end(), [](const Unread& a, const Unread& b) { return a.inode < b.inode; });
    for (std::size_t at = 0; at < unread.size(); at += batch_size) {
        const std::span batch = std::span{unread}.subspan(at, std::min(batch_size, unread.size() - at));
        if (ring != nullptr) measure_batch(batch, listing, *ring);
        for (const Unread& one : batch) {
            if (one.file->measured) continue;
            if (const std::error_code why = measure_one(*one.file, listing.fd(one.file->in_new))) return why;
        }
    }
    return {};
}

std::error_code measure(std::vector<Found>& files, const MaildirListing& listing) {
    const auto unread = std::count_if(files.begin(), files.end(), [](const Found& file) { return !file.measured; });
    if (unread < static_cast<std::ptrdiff_t>(min_files_for_ring)) return measure(files, listing, nullptr);
    return measure(files, listing, ring_of_this_process());
}

} // namespace buzon::maildir
