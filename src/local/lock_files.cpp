#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buzon/local/lock.h"
#include "buzon/posix/bundle.h"

namespace buzon::local {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

// When a program is started, it gets copies of the lowest descriptors and closes them (filter/spawn.cpp). Keep these
// out of that range.
constexpr int lowest_descriptor = 64;

// The size of each user's range in a file; a lock covers the first octet. (Versions before 0.1.0 lock more of it.)
constexpr unsigned room_bits = 18;

struct flock range_of(std::uint64_t hash, short type) noexcept {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(hash / LockFiles::count << room_bits);
    range.l_len = 1;
    return range;
}

UniqueFd moved_up(UniqueFd file) {
    UniqueFd higher{::fcntl(file.get(), F_DUPFD_CLOEXEC, lowest_descriptor)};
    return higher ? std::move(higher) : std::move(file); // if the limit is too low, this only costs time
}

Result<UniqueFd> open_lock_file(int folder, std::size_t number, struct stat& about) {
    const std::string name{static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
    UniqueFd file{
        ::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
    if (!file || ::fstat(file.get(), &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode)) return std::error_code{EINVAL, std::system_category()};
    return moved_up(std::move(file));
}

message::RootMark mark_of(const struct stat& about, bool of_locks) noexcept {
    return {about.st_dev, about.st_ino, of_locks};
}

} // namespace

Result<LockFiles> LockFiles::open(int mail_root, bool make) {
    if (make && ::mkdirat(mail_root, "buzon-locks", 0700) != 0 && errno != EEXIST) return last_error();
    const UniqueFd folder{::openat(mail_root, "buzon-locks", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!folder) return last_error();
    LockFiles all;
    for (std::size_t number = 0; number < count; ++number) {
        struct stat about {};
        Result<UniqueFd> file = open_lock_file(folder.get(), number, about);
        if (!file) return file.error();
        all.files_[number] = std::move(file).value();
        if (number == 0) all.mark_ = mark_of(about, true);
    }
    return all;
}

Result<LockFiles> LockFiles::none(const std::string& mail_root) {
    LockFiles all;
    all.root_.reset(::open(mail_root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat about {};
    if (!all.root_ || ::fstat(all.root_.get(), &about) != 0) return last_error();
    all.mark_ = mark_of(about, false);
    return all;
}

LockFiles LockFiles::of_another_process(const message::RootMark& mark) noexcept {
    LockFiles all;
    all.mark_ = mark;
    all.elsewhere_ = true;
    return all;
}

Result<UniqueFd> LockFiles::bundle() const {
    std::vector<int> numbers;
    if (!between_processes()) numbers.push_back(root_.get());
    if (between_processes())
        for (const UniqueFd& file : files_) numbers.push_back(file.get());
    return posix::bundle(numbers);
}

Result<LockFiles> LockFiles::unbundle(int bundle, const message::RootMark& mark) {
    Result<std::vector<UniqueFd>> received = posix::unbundle(bundle);
    if (!received) return received.error();
    std::vector<UniqueFd>& open = received.value();
    if (open.size() != (mark.of_locks ? count : 1)) return std::error_code{EBADMSG, std::system_category()};
    LockFiles all;
    all.mark_ = mark;
    if (!mark.of_locks) all.root_ = std::move(open.front());
    for (std::size_t number = 0; mark.of_locks && number < count; ++number)
        all.files_[number] = moved_up(std::move(open[number]));
    return all;
}

std::error_code LockFiles::set(std::uint64_t hash, short type) const noexcept {
    if (!any()) return {ESTALE, std::system_category()};
    if (!between_processes()) return {};
    struct flock range = range_of(hash, type);
    while (::fcntl(file(hash), F_OFD_SETLK, &range) != 0)
        if (errno != EINTR) return last_error();
    return {};
}

std::error_code LockFiles::lock(const message::HeldLock& what) const noexcept {
    return set(what.hash, what.kind == message::LockKind::exclusive ? F_WRLCK : F_RDLCK);
}

void LockFiles::unlock(std::uint64_t hash) const noexcept {
    static_cast<void>(set(hash, F_UNLCK));
}

} // namespace buzon::local
