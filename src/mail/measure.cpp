#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "buzon/mail/dot_stuffer.h"
#include "found.h"

namespace buzon::mail {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t piece_size = 256 * 1024;

bool is_ours(std::error_code why) noexcept {
    return why.value() == EMFILE || why.value() == ENFILE || why.value() == ENOMEM;
}

// `size` is that of the file when it was opened: a piece that reaches it and is not full was the last one, and needs no
// further read to find the end.
std::error_code count_octets(int fd, std::uint64_t size, char* piece, OctetCounter& counter) {
    for (;;) {
        const ssize_t n = ::read(fd, piece, piece_size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return last_error();
        if (n == 0) return {};
        counter.feed({piece, static_cast<std::size_t>(n)});
        if (static_cast<std::size_t>(n) < piece_size && counter.stored_size() >= size) return {};
    }
}

std::error_code measure_one(Found& file, int folder, char* piece) {
    struct stat about {};
    const Result<UniqueFd> opened = open_regular(folder, file.file_name.data(), about);
    OctetCounter counter;
    std::error_code why = opened.error();
    if (opened) {
        file.take_identity(about);
        why = count_octets(opened.value().get(), file.stored_size, piece, counter);
    }
    if (is_ours(why)) return why;
    if (why) {
        file.gone = why.value() == ENOENT;
        if (!opened && ::fstatat(folder, file.file_name.data(), &about, AT_SYMLINK_NOFOLLOW) == 0) file.take_identity(about);
        file.octets = file.stored_size;
        return {};
    }
    // A size that differs from the file's says that it was being written: next time it is read again.
    file.stored_size = counter.stored_size();
    file.octets = counter.finish();
    file.wire_form = counter.wire_form();
    file.measured = true;
    return {};
}

} // namespace

std::error_code measure(std::vector<Found>& files, const MaildirListing& listing) {
    std::vector<Found*> unread;
    for (Found& file : files)
        if (!file.measured) unread.push_back(&file);
    if (unread.empty()) return {};
    // In the order of their inodes a disk reads them with the least movement.
    std::sort(unread.begin(), unread.end(), [](const Found* a, const Found* b) { return a->inode < b->inode; });
    // Always the same memory, of whose pages small mail touches few: to map and unmap it is dearer than to read a message.
    static std::array<char, piece_size> piece;
    for (Found* const file : unread)
        if (const std::error_code why = measure_one(*file, listing.fd(file->in_new), piece.data())) return why;
    return {};
}

} // namespace buzon::mail
