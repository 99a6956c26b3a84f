#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

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

std::error_code count_octets(int fd, std::vector<char>& piece, OctetCounter& counter) {
    for (;;) {
        const ssize_t n = ::read(fd, piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return last_error();
        if (n == 0) return {};
        counter.feed({piece.data(), static_cast<std::size_t>(n)});
    }
}

std::error_code measure_one(Found& file, int folder, std::vector<char>& piece) {
    struct stat about {};
    const Result<UniqueFd> opened = open_regular(folder, file.file_name.data(), about);
    OctetCounter counter;
    std::error_code why = opened.error();
    if (opened) {
        file.inode = about.st_ino;
        file.mtime_ns = nanoseconds(about.st_mtim);
        file.stored_size = static_cast<std::uint64_t>(about.st_size);
        why = count_octets(opened.value().get(), piece, counter);
    }
    if (is_ours(why)) return why;
    if (why) {
        file.gone = why.value() == ENOENT;
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
    std::vector<char> piece(piece_size);
    for (Found* const file : unread)
        if (const std::error_code why = measure_one(*file, listing.fd(file->in_new), piece)) return why;
    return {};
}

} // namespace buzon::mail
