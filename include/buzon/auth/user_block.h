// auth/user_block.h - many users, or their secrets, in one immutable block of memory without pointers, which can be
// passed to another process. Reads no files, checks no passwords.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/passwd_file.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::auth {

enum class Origin : std::uint8_t { command_line, file, run_time };

// Views into the object that returned the user: valid until that object is changed or destroyed.
struct User {
    std::string_view name;
    std::string_view fault;   // why no password matches the main secret; empty: it is valid
    std::string_view maildir; // absolute, or empty: MAILROOT/name
    std::string_view control; // where Dovecot kept its list of ids, if not in the Maildir
    std::string_view allow_nets;
    std::string_view transform;
    std::string_view applications; // for applications_in()
    bool nologin = false;
    bool nodelay = false;
    Origin origin = Origin::file;
    posix::Ids ids = {}; // the owner of the Maildir, if given
    bool clear = false;  // as in SecretFacts
    bool scram = false;
    bool locked = false; // the main secret
    bool slow = false;   // to verify
};

// A user with a broken secret, and its line in the passwd-file.
struct BrokenUser {
    User user;
    std::uint32_t line;
};

// Counts over all secrets. Add and remove each secret once.
struct SecretTotals {
    std::uint64_t clear = 0;          // plain passwords
    std::uint64_t scram = 0;          // stored SCRAM credentials
    std::uint64_t slowest = 0;        // cost of the slowest secret ever seen
    std::uint64_t slowest_change = 0; // which secret that was, as in SecretPlace
    std::uint32_t scram_iterations = min_scram_iterations;

    void comes(const SecretFacts& secret, std::uint64_t change = 0);
    void goes(bool was_clear, bool was_scram) noexcept;
};

class UserBlock {
public:
    // No users.
    UserBlock() = default;
    UserBlock(UserBlock&& other) noexcept { *this = std::move(other); }
    UserBlock& operator=(UserBlock&& other) noexcept;
    ~UserBlock();

    // Maps a block from another process of this program, in a memfd sealed against changes. Takes some microseconds,
    // whatever its size. EBADMSG for anything else.
    [[nodiscard]] static posix::Result<UserBlock> from_fd(posix::UniqueFd memory);
    // The content for a memfd that from_fd() accepts. Empty for a default-constructed block.
    [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

    [[nodiscard]] std::uint32_t count() const noexcept;
    // In the order of loading; index < count().
    [[nodiscard]] User user(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<User> find(std::string_view name) const noexcept;
    [[nodiscard]] SecretTotals totals() const;

    // For a block of secrets: the user's keyring (keyring.h); nothing for an unknown name.
    [[nodiscard]] std::optional<std::string_view> secret_of(std::string_view name) const noexcept;
    // For a block of secrets: a keyring as slow as the slowest, which no password matches.
    [[nodiscard]] std::string_view decoy() const noexcept;

    // The number of users with a broken secret, and the first few of them.
    [[nodiscard]] std::uint32_t broken_count() const noexcept;
    [[nodiscard]] std::vector<BrokenUser> first_broken() const;

private:
    friend class UserBlockBuilder;
    struct Header;
    struct Entry;
    struct Broken {
        std::uint32_t index, line;
    };
    static constexpr std::size_t max_reported = 8; // broken secrets whose line is kept

    [[nodiscard]] const Header& header() const noexcept;
    void release() noexcept;

    std::unique_ptr<std::uint64_t[]> own_; // null: data_ is a mapping
    const char* data_ = nullptr;           // header, entries, hash table, text
    std::size_t size_ = 0;
};

class UserBlockBuilder {
public:
    enum class Content : std::uint8_t { users, secrets };
    explicit UserBlockBuilder(Content content);
    ~UserBlockBuilder();
    UserBlockBuilder(const UserBlockBuilder&) = delete;
    UserBlockBuilder& operator=(const UserBlockBuilder&) = delete;

    // Reserves space for this many octets of text.
    void reserve(std::size_t text);
    // The origin of a name that was added.
    [[nodiscard]] std::optional<Origin> origin_of(std::string_view name) const noexcept;
    // Adds a user with a new name. All text together must be less than 4 GiB. `line`: in the passwd-file.
    void add(const PasswdEntry& user, Origin origin, std::size_t line = 0);
    // Call it once.
    [[nodiscard]] UserBlock build();

private:
    [[nodiscard]] std::size_t slot_of(std::string_view name) const noexcept;
    void grow_table();

    Content content_;
    std::string text_;
    std::string decoy_;
    std::vector<UserBlock::Entry> entries_;
    std::vector<std::uint32_t> table_; // open addressing, a power of two; index into entries_ plus one, 0 = free
    SecretTotals totals_;
    std::uint32_t broken_ = 0;
    std::array<UserBlock::Broken, UserBlock::max_reported> first_broken_{};
};

} // namespace buzon::auth
