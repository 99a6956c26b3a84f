#include "buzon/mail/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

namespace buzon::mail {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

// The kernel keeps the locks of a file in a list, and walks along it for each lock that is taken or given back, and for
// each descriptor of the file that is closed. With all locks in one file a login beside 19,000 sessions cost 0.3 ms of
// it, with the list in so many parts a hundredth. Every server, of whatever version, must have the same number.
constexpr std::size_t file_count = MaildropLocks::descriptors;
// A program that is started gets copies of the lowest descriptors and closes them (filter/spawn.cpp): not these.
constexpr int lowest_descriptor = 64;

// Each user has so many octets of a file to himself, of which a lock covers the first so many as say since when it is
// held: whoever asks the kernel for the lock in his way learns its length, and no file has to be written.
constexpr unsigned room_bits = 18;
constexpr std::uint64_t lengths = (std::uint64_t{1} << room_bits) - 1;
constexpr std::uint64_t seconds_a_step = 2; // so lengths repeat after six days
constexpr std::uint64_t steps_ahead = 1800; // that another host's clock may be, an hour
constexpr std::uint64_t hash_bits = (file_count << (63 - room_bits)) - 1;

// FNV-1a: every server process, of whatever version, must find the same octets.
std::uint64_t hash_of(std::string_view user) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : user) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return (hash ^ (hash >> 50)) & hash_bits;
}

struct flock range_of(std::uint64_t hash, short type, std::uint64_t length) noexcept {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(hash / file_count << room_bits);
    range.l_len = static_cast<off_t>(length);
    return range;
}

std::uint64_t length_for(std::int64_t since) noexcept {
    return static_cast<std::uint64_t>(since) / seconds_a_step % lengths + 1;
}

std::int64_t since_of(std::uint64_t length, std::int64_t now) noexcept {
    std::uint64_t steps = (length_for(now) + lengths - length) % lengths;
    if (steps >= lengths - steps_ahead) steps = 0;
    return now - static_cast<std::int64_t>(steps * seconds_a_step);
}

Result<UniqueFd> open_lock_file(int folder, std::size_t number) {
    const std::string name{static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
    UniqueFd file{
        ::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
    if (!file) return last_error();
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode)) return std::error_code{EINVAL, std::system_category()};
    UniqueFd higher{::fcntl(file.get(), F_DUPFD_CLOEXEC, lowest_descriptor)};
    return higher ? std::move(higher) : std::move(file); // where so few are allowed: then it only costs time
}

std::error_code error_of(int number) noexcept {
    return {number, std::system_category()};
}

// What the file held before 0.1.0 was ready: since when locks had been held.
struct Hint {
    std::uint64_t hash = 0;
    std::int64_t since = 0;
    std::uint64_t sum = 0;

    std::uint64_t right_sum() const noexcept { return (hash * 0x9E3779B97F4A7C15) ^ static_cast<std::uint64_t>(since); }
};

bool holds_hints_alone(int file) {
    std::vector<Hint> hints(1024);
    for (off_t at = 0;;) {
        const ssize_t n = ::pread(file, hints.data(), hints.size() * sizeof(Hint), at);
        if (n < 0 || n % static_cast<ssize_t>(sizeof(Hint)) != 0) return false;
        if (n == 0) return true;
        const auto count = static_cast<std::size_t>(n) / sizeof(Hint);
        if (!std::all_of(hints.begin(), hints.begin() + static_cast<std::ptrdiff_t>(count), [](const Hint& hint) {
                return (hint.hash == 0 && hint.since == 0 && hint.sum == 0) || hint.sum == hint.right_sum();
            })) {
            return false;
        }
        at += n;
    }
}

// Before 0.1.0 had its directory, one file of that name held all locks. One that no server uses makes room for it.
// Nothing: it has, or there was none.
std::error_code make_room_for_folder(const std::string& path) {
    const UniqueFd file{::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!file && (errno == ENOENT || errno == EISDIR)) return {};
    if (!file) return error_of(errno == EWOULDBLOCK ? EBUSY : ENOTDIR);
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode) || !holds_hints_alone(file.get())) return error_of(ENOTDIR);
    // A lock that anybody has, on any host; and, where the file system can tell, a server that has the file open
    // without one.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    while (::fcntl(file.get(), F_OFD_SETLK, &whole) != 0)
        if (errno != EINTR) return errno == EAGAIN || errno == EACCES ? error_of(EBUSY) : last_error();
    ::fcntl(file.get(), F_SETSIG, SIGURG); // whoever opens it now may interrupt nobody
    if (::fcntl(file.get(), F_SETLEASE, F_WRLCK) != 0 && errno == EAGAIN) return error_of(EBUSY);
    // Where another new server was quicker this is a directory by now, which unlink() leaves alone.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != EISDIR) return last_error();
    return {};
}

} // namespace

struct MaildropLocks::Table {
    struct Held {
        std::uint64_t session = 0;
        std::uint32_t since = 0; // Unix time, until 2106
        LockKind kind = LockKind::exclusive;
    };
    // Nearly always one session: what others there are live apart, and are of its kind.
    struct Users {
        Held first;
        std::unique_ptr<std::vector<Held>> others; // those that share it, in the order of their coming
    };

    std::array<UniqueFd, file_count> files;
    std::unordered_map<std::uint64_t, Users> held; // by the user's hash: that is what the kernel's lock is for

    [[nodiscard]] int file(std::uint64_t hash) const noexcept { return files[hash % file_count].get(); }

    std::error_code set(std::uint64_t hash, short type, std::uint64_t length) const noexcept {
        struct flock range = range_of(hash, type, length);
        while (::fcntl(file(hash), F_OFD_SETLK, &range) != 0)
            if (errno != EINTR) return last_error();
        return {};
    }

    void release(std::uint64_t hash, std::uint64_t session) noexcept {
        const auto at = held.find(hash);
        if (at == held.end()) return;
        Users& users = at->second;
        if (users.others) {
            auto& others = *users.others;
            const auto one =
                std::find_if(others.begin(), others.end(), [&](const Held& h) { return h.session == session; });
            if (users.first.session == session) {
                users.first = others.front();
                others.erase(others.begin());
            } else if (one != others.end()) {
                others.erase(one);
            }
            if (others.empty()) users.others.reset();
            return;
        }
        static_cast<void>(set(hash, F_UNLCK, lengths));
        held.erase(at);
    }

    [[nodiscard]] std::optional<LockHolder> holder(std::uint64_t hash) const {
        const auto at = held.find(hash);
        if (at == held.end()) return std::nullopt;
        return LockHolder{true, at->second.first.session, at->second.first.since, at->second.first.kind};
    }
};

MaildropLocks::MaildropLocks(std::shared_ptr<Table> table) : table_{std::move(table)} {}
MaildropLocks::MaildropLocks(MaildropLocks&&) noexcept = default;
MaildropLocks& MaildropLocks::operator=(MaildropLocks&&) noexcept = default;
MaildropLocks::~MaildropLocks() = default;

Result<MaildropLocks> MaildropLocks::open(const std::string& mail_root) {
    const std::string path = mail_root + "/buzon-locks";
    UniqueFd folder;
    const auto open_folder = [&] {
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return last_error();
        folder.reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        return folder ? std::error_code{} : last_error();
    };
    std::error_code why = open_folder();
    if (why == std::errc::not_a_directory) {
        if (const std::error_code stays = make_room_for_folder(path)) return stays;
        why = open_folder();
    }
    if (why) return why;
    auto table = std::make_shared<Table>();
    for (std::size_t number = 0; number < file_count; ++number) {
        Result<UniqueFd> file = open_lock_file(folder.get(), number);
        if (!file) return file.error();
        table->files[number] = std::move(file).value();
    }
    return MaildropLocks{std::move(table)};
}

MaildropLocks::Outcome MaildropLocks::lock(std::string_view user, LockKind kind, std::uint64_t session,
                                           std::int64_t now) {
    const std::uint64_t hash = hash_of(user);
    const Table::Held held{session, static_cast<std::uint32_t>(now), kind};
    if (const auto at = table_->held.find(hash); at != table_->held.end()) {
        Table::Users& users = at->second;
        if (kind == LockKind::exclusive || users.first.kind == LockKind::exclusive) return *table_->holder(hash);
        if (!users.others) users.others = std::make_unique<std::vector<Table::Held>>();
        users.others->push_back(held);
        return MaildropLock{table_, hash, session};
    }

    const short type = kind == LockKind::exclusive ? F_WRLCK : F_RDLCK;
    if (const std::error_code why = table_->set(hash, type, length_for(now))) {
        if (why.value() != EAGAIN && why.value() != EACCES) return why;
        LockHolder other;
        struct flock range = range_of(hash, F_WRLCK, 1);
        if (::fcntl(table_->file(hash), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK) { // else it has just gone
            other.since = since_of(static_cast<std::uint64_t>(range.l_len), now);
            if (range.l_type == F_RDLCK) other.kind = LockKind::shared;
        }
        return other;
    }
    table_->held.emplace(hash, Table::Users{held, nullptr});
    return MaildropLock{table_, hash, session};
}

std::optional<LockHolder> MaildropLocks::holder(std::string_view user) const {
    return table_->holder(hash_of(user));
}

MaildropLock::MaildropLock(std::shared_ptr<MaildropLocks::Table> table, std::uint64_t hash, std::uint64_t session)
    : table_{std::move(table)}, hash_{hash}, session_{session} {}

MaildropLock::MaildropLock(MaildropLock&& other) noexcept = default;

MaildropLock& MaildropLock::operator=(MaildropLock&& other) noexcept {
    if (this == &other) return *this;
    release();
    table_ = std::move(other.table_);
    hash_ = other.hash_;
    session_ = other.session_;
    return *this;
}

MaildropLock::~MaildropLock() {
    release();
}

void MaildropLock::release() noexcept {
    if (const auto table = std::exchange(table_, nullptr)) table->release(hash_, session_);
}

} // namespace buzon::mail
