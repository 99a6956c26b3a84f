#include "directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "buzon/message/large.h"
#include "buzon/posix/io.h"
#include "journal.h"

namespace buzon::maildir {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

namespace {

constexpr std::size_t many = 10'000;

std::error_code error_of(int number) noexcept {
    return {number, std::system_category()};
}

// Whether root may accept the directory found at this path as the Maildir.
bool root_may_use(std::string path, int below, int directory) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    struct stat named {
    }, opened{};
    if (::fstatat(below, path.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 || ::fstat(directory, &opened) != 0)
        return false;
    if (S_ISLNK(named.st_mode)) return named.st_uid == 0 || named.st_uid == opened.st_uid;
    return named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev; // otherwise somebody is changing it right now
}

} // namespace

Result<UniqueFd> open_maildir(const std::string& path, int below) {
    UniqueFd directory{::openat(below, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory) return last_error();
    if (::geteuid() == 0 && !root_may_use(path, below, directory.get())) return error_of(EPERM);
    return directory;
}

Result<UniqueFd> open_folder(int parent, const char* name) {
    UniqueFd directory{::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (directory) return directory;
    const std::error_code why = last_error();
    struct stat about {};
    if (why.value() == ENOTDIR && ::fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode))
        return error_of(ELOOP);
    return why;
}

Result<Folders> Folders::open(int maildir) {
    Folders folders;
    for (const bool is_new : {true, false}) {
        Result<UniqueFd> folder = open_folder(maildir, folder_of(is_new));
        if (folder)
            (is_new ? folders.in_new : folders.cur) = std::move(folder).value();
        else if (folder.error().value() != ENOENT)
            return folder.error();
    }
    return folders;
}

std::error_code Listing::add(const dirent64& entry) {
    const std::string_view name{entry.d_name};
    if (name.substr(0, journal_prefix.size()) == journal_prefix) journals.emplace_back(name);
    if (name.empty() || name.front() == '.') return {};
    if (names.size() > std::numeric_limits<std::uint32_t>::max() - name.size())
        return {EOVERFLOW, std::system_category()};
    all.push_back({entry.d_ino, static_cast<std::uint32_t>(names.size()), static_cast<std::uint16_t>(name.size()),
                   entry.d_type == DT_REG || entry.d_type == DT_UNKNOWN, entry.d_type == DT_REG});
    names.append(name).push_back('\0');
    return {};
}

Result<Listing> list_directory(int directory, std::size_t expected) {
    if (::lseek(directory, 0, SEEK_SET) != 0) return last_error();
    Listing listing;
    if (expected > many) { // smaller ones grow fast enough
        constexpr std::size_t octets_of_a_name = 48;
        message::reserve_all(listing.all, expected + expected / 8);
        message::reserve_all(listing.names, expected * octets_of_a_name);
    }
    if (const std::error_code why = each_entry(directory, [&](const dirent64& entry) { return listing.add(entry); }))
        return why;
    return listing;
}

namespace {

constexpr int max_readings = 5;              // a directory that keeps changing is accepted as it is
constexpr std::int64_t tick_ns = 20'000'000; // longer than a tick on any Linux

Result<message::DirectoryStamp> stamp(const UniqueFd& directory) {
    struct stat about {};
    if (!directory) return message::DirectoryStamp{};
    if (::fstat(directory.get(), &about) != 0) return last_error();
    return message::stamp_of(about);
}

Result<message::Stamps> stamps(const MaildirListing& maildir) {
    const Result<message::DirectoryStamp> in_new = stamp(maildir.folders.in_new);
    if (!in_new) return in_new.error();
    const Result<message::DirectoryStamp> cur = stamp(maildir.folders.cur);
    if (!cur) return cur.error();
    return message::Stamps{in_new.value(), cur.value()};
}

// A second change within one tick does not change the time again.
bool changed_just_now(const message::Stamps& stamps) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return message::nanoseconds(now) - std::max(stamps.in_new.ctime_ns, stamps.cur.ctime_ns) < tick_ns;
}

std::error_code read_folder(const UniqueFd& folder, Listing& listing, std::size_t expected = 0) {
    listing = {};
    if (!folder) return {};
    Result<Listing> read = list_directory(folder.get(), expected);
    if (!read) return read.error();
    listing = std::move(read).value();
    return {};
}

} // namespace

Result<MaildirListing> list_maildir(int maildir, std::size_t expected) {
    Result<Folders> folders = Folders::open(maildir);
    if (!folders) return folders.error();
    MaildirListing listing;
    listing.folders = std::move(folders).value();
    std::string last_in_new, last_cur;
    for (int readings = 1;; ++readings) {
        const Result<message::Stamps> before = stamps(listing);
        if (!before) return before.error();
        listing.before = before.value();
        // `new` first: a message that moves to cur meanwhile is then seen twice rather than not at all.
        if (const std::error_code why = read_folder(listing.folders.in_new, listing.in_new)) return why;
        if (const std::error_code why = read_folder(listing.folders.cur, listing.cur, expected)) return why;
        const Result<message::Stamps> after = stamps(listing);
        if (!after) return after.error();
        const bool agree = readings > 1 && last_in_new == listing.in_new.names && last_cur == listing.cur.names;
        const bool same_time = after.value() == before.value();
        if (readings == max_readings || (same_time && (agree || !changed_just_now(after.value())))) return listing;
        last_in_new = std::move(listing.in_new.names);
        last_cur = std::move(listing.cur.names);
    }
}

Result<UniqueFd> open_regular(int directory, const char* name, struct stat& about) {
    UniqueFd file{::openat(directory, name, open_flags)};
    if (!file) {
        // A link, or a socket or device without a driver, is not a message.
        if (errno == ELOOP || errno == ENXIO || errno == ENODEV) errno = ENOENT;
        return last_error();
    }
    if (::fstat(file.get(), &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode)) return std::error_code{ENOENT, std::system_category()};
    return file;
}

std::error_code move_without_replacing(int from_directory, const std::string& from, int to_directory,
                                       const std::string& to) {
    if (::renameat2(from_directory, from.c_str(), to_directory, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno != EINVAL && errno != ENOSYS) return last_error();
    if (::linkat(from_directory, from.c_str(), to_directory, to.c_str(), 0) != 0) {
        const std::error_code why = last_error();
        struct stat one {
        }, other{};
        // An interrupted move has left one file with both names: finish it.
        const bool begun = why.value() == EEXIST && (from_directory != to_directory || from != to) &&
                           ::fstatat(from_directory, from.c_str(), &one, AT_SYMLINK_NOFOLLOW) == 0 &&
                           ::fstatat(to_directory, to.c_str(), &other, AT_SYMLINK_NOFOLLOW) == 0 &&
                           one.st_ino == other.st_ino && one.st_dev == other.st_dev;
        if (!begun) return why;
    }
    return ::unlinkat(from_directory, from.c_str(), 0) == 0 ? std::error_code{} : last_error();
}

std::error_code sync_directory(int directory) {
    if (directory < 0 || ::fsync(directory) == 0 || errno == EINVAL || errno == ENOTSUP) return {};
    return last_error();
}

std::string unique_name(std::string_view start) {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(::getpid());
    std::string name{start};
    name += '.';
    for (; number != 0; number /= 36) name += "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    return name;
}

std::error_code write_and_rename(const FileAt& temporary, const FileAt& to, std::span<const std::string_view> content,
                                 bool sync) {
    const auto& [tmp, name] = temporary;
    UniqueFd file{::openat(tmp, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file) return last_error();
    std::error_code why;
    for (const std::string_view part : content)
        if (!why) why = posix::write_all(file.get(), part);
    if (!why && sync && ::fsync(file.get()) != 0) why = last_error();
    if (!why && ::renameat(tmp, name.c_str(), to.directory, to.name.c_str()) != 0) why = last_error();
    if (why) ::unlinkat(tmp, name.c_str(), 0);
    return why;
}

} // namespace buzon::maildir
