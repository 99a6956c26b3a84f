// auth/user_block.h - many users in one block of memory, without pointers: made once, never changed, and handed from
// one process to another as it is. Reads no file, checks no password.
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

// Views into what holds the user: good until that is changed or goes.
struct User {
    std::string_view name;
    std::string_view secret;  // with its {SCHEME}
    std::string_view maildir; // absolute, or empty: MAILROOT/name
    std::string_view control; // where Dovecot kept its list of ids, if not in the Maildir
    std::string_view allow_nets;
    std::string_view transform;
    bool nologin = false;
    bool nodelay = false;
    Origin origin = Origin::file;
    bool broken = false; // fault_of_secret() tells what is wrong with the secret, which opens for nobody
};

// One whose secret is broken, and the line of the passwd-file he stands on.
struct BrokenUser {
    User user;
    std::uint32_t line;
};

// What is true of all secrets together. Each is told once when it comes and once when it goes.
struct SecretTotals {
    std::uint64_t clear = 0;   // clear passwords
    std::uint64_t scram = 0;   // SCRAM credentials on file
    std::uint64_t slowest = 0; // cost of the slowest secret ever seen
    std::string decoy = "{PLAIN.hex}00";
    std::uint32_t scram_iterations = least_scram_iterations;

    void comes(std::string_view secret);
    void goes(std::string_view secret);
};

class UserBlock {
public:
    // Nobody.
    UserBlock() = default;
    UserBlock(UserBlock&& other) noexcept { *this = std::move(other); }
    UserBlock& operator=(UserBlock&& other) noexcept;
    ~UserBlock();

    // The block of another process of this program, in a memfd sealed against change, which is mapped: some
    // microseconds, whatever its size. EBADMSG for anything else.
    [[nodiscard]] static posix::Result<UserBlock> from_fd(posix::UniqueFd memory);
    // What from_fd() takes, once it lies in a memfd. Empty for nobody.
    [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

    [[nodiscard]] std::uint32_t count() const noexcept;
    // In the order of their coming; index < count().
    [[nodiscard]] User user(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<User> find(std::string_view name) const noexcept;
    [[nodiscard]] SecretTotals totals() const;
    // How many have a broken secret, and the first few of them.
    [[nodiscard]] std::uint32_t broken_count() const noexcept;
    [[nodiscard]] std::vector<BrokenUser> first_broken() const;

private:
    friend class UserBlockBuilder;
    struct Header;
    struct Entry;
    struct Broken {
        std::uint32_t index, line;
    };
    static constexpr std::size_t most_told = 8; // broken ones whose line is kept

    [[nodiscard]] const Header& header() const noexcept;
    void release() noexcept;

    std::unique_ptr<std::uint64_t[]> own_; // nothing: data_ is a mapping
    const char* data_ = nullptr;           // header, entries, hash table, text
    std::size_t size_ = 0;
};

class UserBlockBuilder {
public:
    UserBlockBuilder();
    ~UserBlockBuilder();
    UserBlockBuilder(const UserBlockBuilder&) = delete;
    UserBlockBuilder& operator=(const UserBlockBuilder&) = delete;

    // Octets of text that will come, so that it need not move.
    void reserve(std::size_t text);
    // Where the name came from, when it has come.
    [[nodiscard]] std::optional<Origin> origin_of(std::string_view name) const noexcept;
    // A name that has not come yet. All text together: less than 4 GiB. `line`: of the passwd-file.
    void add(const PasswdEntry& user, Origin origin, std::size_t line = 0);
    // Once.
    [[nodiscard]] UserBlock build();

private:
    [[nodiscard]] std::size_t slot_of(std::string_view name) const noexcept;
    void grow_table();

    std::string text_;
    std::vector<UserBlock::Entry> entries_;
    std::vector<std::uint32_t> table_; // open addressing, a power of two; index into entries_ plus one, 0 = free
    SecretTotals totals_;
    std::uint32_t broken_ = 0;
    std::array<UserBlock::Broken, UserBlock::most_told> first_broken_{};
};

} // namespace buzon::auth
