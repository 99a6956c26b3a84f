// auth/user_base.h - all users: from the command line, a passwd-file and managers. Reads no files, checks no
// passwords. Loaded users are in one block (user_block.h); later changes are kept beside it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/parsed.h"
#include "buzon/auth/passwd_file.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/auth/source.h"
#include "buzon/auth/user_block.h"

namespace buzon::auth {

struct NamedSecret {
    std::string name;
    std::string secret; // with its {SCHEME}

    static void fields(auto& self, auto&& each) { each(self.name, self.secret); }
};

// `NAME:PASS` as -u takes it: split at the first ':', PASS is a plain password. An error never shows PASS.
[[nodiscard]] Parsed<NamedSecret> parse_name_and_password(std::string_view text);

// A fault in a line of a passwd-file. One that is not fatal locks out one user only.
struct Finding {
    std::size_t line;
    std::string what; // begins with the user's name if there is one
    bool fatal;
};
// "ana: unknown password scheme {ARGON2ID}; this user cannot log in", for a broken secret.
[[nodiscard]] std::string locked_words(std::string_view name, std::string_view fault);

// Whether a user may log in. All but `open` are answered like a wrong password; only the log says more.
enum class Standing { open, unknown, locked, nologin, wrong_network };

// What to verify a password against. For any standing but `open` it is a decoy as slow as the slowest secret: verify it
// all the same, and refuse whatever the result.
struct Credential {
    Standing standing;
    std::string secret;
};

// What a SCRAM login needs. Without `ready`, derive the credentials from the rest, in a worker. A login with `genuine`
// false runs to its end and is then refused.
struct ScramSource {
    bool genuine = false;
    std::optional<ScramCredentials> ready;
    std::string password;
    std::string salt;
    std::uint32_t iterations = min_scram_iterations;
};

class UserBase {
public:
    // Loads the users of `command_line` and of a passwd-file's text. A name on the command line hides the same name in
    // the file; a name twice in one of them is refused. The error says "line N: ..." for the file, and never shows a
    // secret. With `findings`, the whole file is read, and every fault is added there.
    [[nodiscard]] static Parsed<UserBase> load(std::span<const NamedSecret> command_line, std::string_view file_text,
                                               std::vector<Finding>* findings = nullptr);

    // No users.
    UserBase() = default;
    // The users of a block made by load(), in this process or another.
    explicit UserBase(UserBlock block) : block_{std::move(block)}, living_{block_.count()}, totals_{block_.totals()} {}
    // What was loaded, without later changes.
    [[nodiscard]] const UserBlock& block() const noexcept { return block_; }

    [[nodiscard]] std::optional<User> find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return living_; }
    // One by one, for iteration in pieces: in the order of loading; then those added at run time, by name. Changes
    // meanwhile are seen if they are still ahead; a load meanwhile may make it skip or repeat users.
    struct Place {
        std::uint32_t in_block = 0;
        std::string name; // of the last one visited that was added at run time
    };
    [[nodiscard]] std::optional<User> next(Place& place) const;

    // No source means a peer without an address.
    [[nodiscard]] Credential credential(std::string_view name, const std::optional<Source>& source) const;
    // `server_secret`: the key of made-up salts, see scram_salt_for().
    [[nodiscard]] ScramSource scram_source(std::string_view name, const std::optional<Source>& source,
                                           std::string_view server_secret) const;
    // The plain password of a user who may log in from there, for APOP and CRAM-MD5; else nothing.
    [[nodiscard]] std::optional<std::string> clear_password(std::string_view name,
                                                            const std::optional<Source>& source) const;
    // Whether any user has a clear_password().
    [[nodiscard]] bool knows_clear_passwords() const noexcept { return totals_.clear > 0; }
    // Whether any user could log in by SCRAM.
    [[nodiscard]] bool knows_scram_secrets() const noexcept { return totals_.clear > 0 || totals_.scram > 0; }

    // Run-time changes, recorded in changes(). `secret` with its {SCHEME}. The error says what was wrong: a bad name or
    // secret, or a user who already exists or does not exist.
    [[nodiscard]] Parsed<bool> add(std::string_view name, std::string_view secret);
    [[nodiscard]] Parsed<bool> set_secret(std::string_view name, std::string_view secret);
    [[nodiscard]] Parsed<bool> remove(std::string_view name);

    // What differs from what was loaded, for rewrite_passwd_file(); and which of these users came from the command
    // line, so that no file can store the change.
    [[nodiscard]] const UserChanges& changes() const noexcept { return changes_; }
    [[nodiscard]] std::vector<std::string> changes_without_file() const;
    void forget_changes() noexcept { changes_.clear(); }
    // After a new load: changes made at run time and not saved stay in force.
    void repeat_changes_of(const UserBase& before);

private:
    struct Own {
        PasswdEntry fields;
        Origin origin;
    };

    [[nodiscard]] static std::string fault_of(std::string_view name, std::string_view secret);
    [[nodiscard]] static User view(const Own& own) noexcept;
    [[nodiscard]] Standing standing_of(const std::optional<User>& user, const std::optional<Source>& source) const;

    UserBlock block_;
    std::map<std::string, std::optional<Own>, std::less<>> own_; // who differs from the block; nothing: removed
    std::size_t living_ = 0;
    SecretTotals totals_;
    UserChanges changes_;
};

} // namespace buzon::auth
