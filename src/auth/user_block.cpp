#include "buzon/auth/user_block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "buzon/auth/keyring.h"

namespace buzon::auth {
namespace {

constexpr std::uint64_t magic = 0x33304b4c42525355; // "USRBLK03"

// One stored secret with millions of rounds must not make all other derivations as expensive.
constexpr std::uint32_t max_derived_iterations = 65536;

constexpr std::string_view no_password = "{PLAIN.hex}00";

bool sealed_for_good(int fd) noexcept {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && (seals & F_SEAL_WRITE) != 0;
}

} // namespace

struct UserBlock::Header {
    std::uint64_t magic;
    std::uint64_t size; // of the whole block
    std::uint64_t clear, scram, slowest;
    std::uint32_t count;
    std::uint32_t slots; // of the hash table: a power of two
    std::uint32_t text_size;
    std::uint32_t decoy_size; // the end of the text
    std::uint32_t scram_iterations;
    std::uint32_t broken;
    std::array<Broken, max_reported> first_broken;
};

struct UserBlock::Entry {
    std::uint32_t at; // in the text: name, word, maildir, control, allow_nets, transform, applications, concatenated
    // The word is a user's fault, or the keyring in a block of secrets.
    std::uint16_t name, word, maildir, control, allow_nets, transform, applications;
    std::uint8_t origin;
    std::uint8_t flags;
    posix::Ids ids;

    static constexpr unsigned has_nologin = 1, has_nodelay = 2, is_clear = 4, is_scram = 8, is_locked = 16,
                              is_slow = 32;

    [[nodiscard]] User view(const char* text) const noexcept {
        const char* next = text + at;
        const auto take = [&next](std::size_t size) {
            const std::string_view part{next, size};
            next += size;
            return part;
        };
        User user;
        user.name = take(name);
        user.fault = take(word);
        user.maildir = take(maildir);
        user.control = take(control);
        user.allow_nets = take(allow_nets);
        user.transform = take(transform);
        user.applications = take(applications);
        user.nologin = (flags & has_nologin) != 0;
        user.nodelay = (flags & has_nodelay) != 0;
        user.origin = static_cast<Origin>(origin);
        user.ids = ids;
        user.clear = (flags & is_clear) != 0;
        user.scram = (flags & is_scram) != 0;
        user.locked = (flags & is_locked) != 0;
        user.slow = (flags & is_slow) != 0;
        return user;
    }
};

void SecretTotals::comes(const SecretFacts& secret, std::uint64_t change) {
    clear += secret.clear;
    scram += secret.scram;
    scram_iterations = std::max(scram_iterations, std::min(secret.iterations, max_derived_iterations));
    if (secret.cost > slowest) {
        slowest = secret.cost;
        slowest_change = change;
    }
}

void SecretTotals::goes(bool was_clear, bool was_scram) noexcept {
    clear -= was_clear;
    scram -= was_scram;
}

// --- UserBlock ---

UserBlock& UserBlock::operator=(UserBlock&& other) noexcept {
    if (this == &other) return *this;
    release();
    own_ = std::move(other.own_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

UserBlock::~UserBlock() {
    release();
}

void UserBlock::release() noexcept {
    if (data_ != nullptr && !own_) ::munmap(const_cast<char*>(data_), size_);
    own_.reset();
    data_ = nullptr;
}

posix::Result<UserBlock> UserBlock::from_fd(posix::UniqueFd memory) {
    const std::error_code damaged{EBADMSG, std::system_category()};
    struct stat about {};
    if (::fstat(memory.get(), &about) != 0) return posix::last_error();
    const auto size = static_cast<std::size_t>(about.st_size);
    if (size == 0) return UserBlock{};
    if (size < sizeof(Header) || !sealed_for_good(memory.get())) return damaged;
    void* const data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, memory.get(), 0);
    if (data == MAP_FAILED) return posix::last_error();
    UserBlock block;
    block.data_ = static_cast<const char*>(data);
    block.size_ = size;
    const Header& head = block.header();
    const std::uint64_t parts = sizeof(Header) + std::uint64_t{head.count} * sizeof(Entry) +
                                std::uint64_t{head.slots} * sizeof(std::uint32_t) + head.text_size;
    if (head.magic != magic || head.size != size || parts != size || head.decoy_size > head.text_size) return damaged;
    return block;
}

const UserBlock::Header& UserBlock::header() const noexcept {
    return *static_cast<const Header*>(static_cast<const void*>(data_));
}

std::uint32_t UserBlock::count() const noexcept {
    return data_ == nullptr ? 0 : header().count;
}

User UserBlock::user(std::uint32_t index) const noexcept {
    const Header& head = header();
    const auto* const entries = static_cast<const Entry*>(static_cast<const void*>(data_ + sizeof(Header)));
    return entries[index].view(data_ + size_ - head.text_size);
}

std::optional<User> UserBlock::find(std::string_view name) const noexcept {
    if (count() == 0) return std::nullopt;
    const Header& head = header();
    const char* const behind_entries = data_ + sizeof(Header) + std::size_t{head.count} * sizeof(Entry);
    const auto* const table = static_cast<const std::uint32_t*>(static_cast<const void*>(behind_entries));
    const std::size_t mask = head.slots - 1;
    for (std::size_t at = std::hash<std::string_view>{}(name)&mask; table[at] != 0; at = (at + 1) & mask) {
        if (const User found = user(table[at] - 1); found.name == name) return found;
    }
    return std::nullopt;
}

SecretTotals UserBlock::totals() const {
    SecretTotals totals;
    if (data_ == nullptr) return totals;
    const Header& head = header();
    totals.clear = head.clear;
    totals.scram = head.scram;
    totals.slowest = head.slowest;
    totals.scram_iterations = head.scram_iterations;
    return totals;
}

std::optional<std::string_view> UserBlock::secret_of(std::string_view name) const noexcept {
    const std::optional<User> found = find(name);
    return found ? std::optional{found->fault} : std::nullopt;
}

std::string_view UserBlock::decoy() const noexcept {
    if (data_ == nullptr) return no_password;
    return {data_ + size_ - header().decoy_size, header().decoy_size};
}

std::uint32_t UserBlock::broken_count() const noexcept {
    return data_ == nullptr ? 0 : header().broken;
}

std::vector<BrokenUser> UserBlock::first_broken() const {
    std::vector<BrokenUser> found;
    for (std::size_t i = 0; i < std::min<std::size_t>(broken_count(), max_reported); ++i) {
        const Broken& one = header().first_broken[i];
        found.push_back({user(one.index), one.line});
    }
    return found;
}

// --- UserBlockBuilder ---

UserBlockBuilder::UserBlockBuilder(Content content)
    : content_{content}, decoy_{content == Content::secrets ? no_password : std::string_view{}} {}
UserBlockBuilder::~UserBlockBuilder() = default;

void UserBlockBuilder::reserve(std::size_t text) {
    text_.reserve(text_.size() + text);
}

// The slot of the name in the table, or the free slot for it.
std::size_t UserBlockBuilder::slot_of(std::string_view name) const noexcept {
    const std::size_t mask = table_.size() - 1;
    std::size_t at = std::hash<std::string_view>{}(name)&mask;
    while (table_[at] != 0 && entries_[table_[at] - 1].view(text_.data()).name != name) at = (at + 1) & mask;
    return at;
}

std::optional<Origin> UserBlockBuilder::origin_of(std::string_view name) const noexcept {
    if (table_.empty()) return std::nullopt;
    const std::uint32_t index = table_[slot_of(name)];
    if (index == 0) return std::nullopt;
    return static_cast<Origin>(entries_[index - 1].origin);
}

void UserBlockBuilder::add(const PasswdEntry& user, Origin origin, std::size_t line) {
    using Entry = UserBlock::Entry;
    const auto size = [](const std::string& part) { return static_cast<std::uint16_t>(part.size()); };
    const bool broken = !user.secret_fault.empty() || std::any_of(user.applications.begin(), user.applications.end(),
                                                                  [](const auto& one) { return !one.fault.empty(); });
    if (broken && broken_++ < first_broken_.size()) {
        first_broken_[broken_ - 1] = {static_cast<std::uint32_t>(entries_.size()), static_cast<std::uint32_t>(line)};
    }
    const unsigned flags = (user.nologin ? Entry::has_nologin : 0u) | (user.nodelay ? Entry::has_nodelay : 0u) |
                           (user.facts.clear ? Entry::is_clear : 0u) | (user.facts.scram ? Entry::is_scram : 0u) |
                           (user.facts.locked ? Entry::is_locked : 0u) | (user.facts.cost > 0 ? Entry::is_slow : 0u);
    if (content_ == Content::secrets && user.facts.cost > totals_.slowest) decoy_ = Keyring{user.secret}.decoy();
    const std::string& word = content_ == Content::secrets ? user.secret : user.secret_fault;
    const std::string applications = to_text(user.applications);
    entries_.push_back({static_cast<std::uint32_t>(text_.size()), size(user.name), size(word), size(user.maildir),
                        size(user.control), size(user.allow_nets), size(user.transform), size(applications),
                        static_cast<std::uint8_t>(origin), static_cast<std::uint8_t>(flags), user.ids});
    for (const std::string* part :
         {&user.name, &word, &user.maildir, &user.control, &user.allow_nets, &user.transform, &applications}) {
        text_ += *part;
    }
    totals_.comes(user.facts);
    if (entries_.size() * 2 > table_.size())
        grow_table();
    else
        table_[slot_of(user.name)] = static_cast<std::uint32_t>(entries_.size());
}

// Builds a table of all entries, at most half full.
void UserBlockBuilder::grow_table() {
    std::size_t slots = 16;
    while (slots < entries_.size() * 4) slots *= 2;
    table_.assign(slots, 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        table_[slot_of(entries_[i].view(text_.data()).name)] = static_cast<std::uint32_t>(i + 1);
    }
}

UserBlock UserBlockBuilder::build() {
    text_ += decoy_;
    const std::size_t entries = entries_.size() * sizeof(UserBlock::Entry);
    const std::size_t table = table_.size() * sizeof(std::uint32_t);
    const std::size_t size = sizeof(UserBlock::Header) + entries + table + text_.size();
    const UserBlock::Header head{magic,
                                 size,
                                 totals_.clear,
                                 totals_.scram,
                                 totals_.slowest,
                                 static_cast<std::uint32_t>(entries_.size()),
                                 static_cast<std::uint32_t>(table_.size()),
                                 static_cast<std::uint32_t>(text_.size()),
                                 static_cast<std::uint32_t>(decoy_.size()),
                                 totals_.scram_iterations,
                                 broken_,
                                 first_broken_};
    UserBlock block;
    block.own_.reset(new std::uint64_t[size / sizeof(std::uint64_t) + 1]);
    char* next = static_cast<char*>(static_cast<void*>(block.own_.get()));
    block.data_ = next;
    block.size_ = size;
    const auto put = [&next](const void* from, std::size_t octets) {
        if (octets > 0) std::memcpy(next, from, octets);
        next += octets;
    };
    put(&head, sizeof head);
    put(entries_.data(), entries);
    put(table_.data(), table);
    put(text_.data(), text_.size());
    return block;
}

} // namespace buzon::auth
