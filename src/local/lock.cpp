#include "buzon/local/lock.h"

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <utility>

namespace buzon::local {
namespace {

// The kernel keeps the locks of a file in a list and walks it whenever a lock is taken or released and whenever a
// descriptor of the file is closed. With all locks in one file, that took 0.3 ms of each login with 19,000 other
// sessions; split into LockFiles::count lists, it takes a hundredth of that. The number must be the same in every
// version of the server.
constexpr std::uint64_t hash_bits = (LockFiles::count << (63 - 18)) - 1;

} // namespace

// FNV-1a: every server process, of whatever version, must compute the same hash.
std::uint64_t MaildropLocks::hash_of(std::string_view user) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : user) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return (hash ^ (hash >> 50)) & hash_bits;
}

struct MaildropLocks::Table {
    struct Held {
        std::uint64_t session = 0;
        message::LockKind kind = message::LockKind::exclusive;
    };
    // Usually one session; further ones have the same kind and are stored separately.
    struct Users {
        Held first;
        std::unique_ptr<std::vector<Held>> others; // those that share it, in order of arrival
    };

    LockFiles files;
    std::unordered_map<std::uint64_t, Users> held; // by the user's hash, which is what the kernel locks

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
        files.unlock(hash);
        held.erase(at);
    }
};

MaildropLocks::MaildropLocks(LockFiles files) : table_{std::make_shared<Table>()} {
    table_->files = std::move(files);
}

MaildropLocks::Outcome MaildropLocks::lock(std::string_view user, message::LockKind kind, std::uint64_t session) {
    if (!table_->files.any()) return std::error_code{ESTALE, std::system_category()};
    const std::uint64_t hash = hash_of(user);
    const Table::Held held{session, kind};
    if (const auto at = table_->held.find(hash); at != table_->held.end()) {
        Table::Users& users = at->second;
        if (kind == message::LockKind::exclusive || users.first.kind == message::LockKind::exclusive)
            return LockHolder{true, users.first.session};
        if (users.others)
            users.others->push_back(held);
        else
            users.others = std::make_unique<std::vector<Table::Held>>(1, held); // never empty
        return MaildropLock{table_, hash, session};
    }
    const auto entry = table_->held.emplace(hash, Table::Users{held, nullptr}).first; // may run out of memory
    if (const std::error_code why = table_->files.lock({hash, kind})) {
        table_->held.erase(entry);
        if (why.value() != EAGAIN && why.value() != EACCES) return why;
        return LockHolder{};
    }
    return MaildropLock{table_, hash, session};
}

std::vector<message::HeldLock> MaildropLocks::held() const {
    std::vector<message::HeldLock> all;
    all.reserve(table_->held.size());
    for (const auto& [hash, users] : table_->held) all.push_back({hash, users.first.kind});
    return all;
}

void MaildropLocks::let_go() noexcept {
    table_->files = LockFiles{};
}

// Since a worker took the locks, sessions may have ended and (if there were stand-ins) new ones may have begun.
std::size_t MaildropLocks::use(LockFiles files, std::span<const message::HeldLock> taken) {
    std::unordered_map<std::uint64_t, message::LockKind> already;
    for (const message::HeldLock& one : taken) already.emplace(one.hash, one.kind);
    table_->files = std::move(files);
    std::size_t lost = 0;
    for (const auto& [hash, users] : table_->held) {
        const auto at = already.find(hash);
        const bool good = at != already.end() && at->second == users.first.kind;
        if (at != already.end()) already.erase(at);
        if (!good && (table_->files.elsewhere() || table_->files.lock({hash, users.first.kind}))) ++lost;
    }
    for (const auto& [hash, kind] : already) table_->files.unlock(hash);
    return lost;
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

bool MaildropLock::alone() const noexcept {
    if (!table_) return false;
    const auto at = table_->held.find(hash_);
    return at != table_->held.end() && !at->second.others;
}

MaildropLock::~MaildropLock() {
    release();
}

void MaildropLock::release() noexcept {
    if (const auto table = std::exchange(table_, nullptr)) table->release(hash_, session_);
}

} // namespace buzon::local
