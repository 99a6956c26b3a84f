#include "buzon/mail/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

// Each user has so many octets of a file, of which a lock covers the first. (Builds before 0.1.0 lock more of them.)
constexpr unsigned room_bits = 18;
constexpr std::uint64_t hash_bits = (file_count << (63 - room_bits)) - 1;

// FNV-1a: every server process, of whatever version, must find the same octets.
std::uint64_t hash_of(std::string_view user) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : user) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return (hash ^ (hash >> 50)) & hash_bits;
}

struct flock range_of(std::uint64_t hash, short type) noexcept {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(hash / file_count << room_bits);
    range.l_len = 1;
    return range;
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

} // namespace

struct MaildropLocks::Table {
    struct Held {
        std::uint64_t session = 0;
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

    std::error_code set(std::uint64_t hash, short type) const noexcept {
        struct flock range = range_of(hash, type);
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
        static_cast<void>(set(hash, F_UNLCK));
        held.erase(at);
    }

    [[nodiscard]] std::optional<LockHolder> holder(std::uint64_t hash) const {
        const auto at = held.find(hash);
        if (at == held.end()) return std::nullopt;
        return LockHolder{true, at->second.first.session, at->second.first.kind};
    }
};

MaildropLocks::MaildropLocks(std::shared_ptr<Table> table) : table_{std::move(table)} {}
MaildropLocks::MaildropLocks(MaildropLocks&&) noexcept = default;
MaildropLocks& MaildropLocks::operator=(MaildropLocks&&) noexcept = default;
MaildropLocks::~MaildropLocks() = default;

Result<MaildropLocks> MaildropLocks::open(const std::string& mail_root) {
    const std::string path = mail_root + "/buzon-locks";
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return last_error();
    const UniqueFd folder{::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!folder) return last_error();
    auto table = std::make_shared<Table>();
    for (std::size_t number = 0; number < file_count; ++number) {
        Result<UniqueFd> file = open_lock_file(folder.get(), number);
        if (!file) return file.error();
        table->files[number] = std::move(file).value();
    }
    return MaildropLocks{std::move(table)};
}

MaildropLocks::Outcome MaildropLocks::lock(std::string_view user, LockKind kind, std::uint64_t session) {
    const std::uint64_t hash = hash_of(user);
    const Table::Held held{session, kind};
    if (const auto at = table_->held.find(hash); at != table_->held.end()) {
        Table::Users& users = at->second;
        if (kind == LockKind::exclusive || users.first.kind == LockKind::exclusive) return *table_->holder(hash);
        if (!users.others) users.others = std::make_unique<std::vector<Table::Held>>();
        users.others->push_back(held);
        return MaildropLock{table_, hash, session};
    }

    const short type = kind == LockKind::exclusive ? F_WRLCK : F_RDLCK;
    if (const std::error_code why = table_->set(hash, type)) {
        if (why.value() != EAGAIN && why.value() != EACCES) return why;
        LockHolder other;
        struct flock range = range_of(hash, F_WRLCK);
        if (::fcntl(table_->file(hash), F_OFD_GETLK, &range) == 0 && range.l_type == F_RDLCK)
            other.kind = LockKind::shared;
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
