// auth/user_base.h - who there is: users of the command line, of a passwd-file and of the manager. Reads no file,
// checks no password. Those that were loaded are one block (user_block.h), what changed since stands beside it.
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
};

// `NAME:PASS` as -u takes it: split at the first ':', PASS is a clear password. The reason never shows PASS.
[[nodiscard]] Parsed<NamedSecret> parse_name_and_password(std::string_view text);

// Something about a line of a passwd-file. What is not fatal locks one user and nobody else.
struct Finding {
    std::size_t line;
    std::string what; // begins with the user's name where there is one
    bool fatal;
};
// "ana: unknown password scheme {ARGON2ID}; this user cannot log in", of a broken secret.
[[nodiscard]] std::string locked_words(std::string_view name, std::string_view fault);

// Whether a user may log in at all; all but `open` are answered like a wrong password, and only the log tells.
enum class Standing { open, unknown, locked, nologin, wrong_network };

// What to verify a password against. For any standing but `open` it is a decoy of the slowest kind in the base: verify
// it all the same, and refuse whatever comes out.
struct Credential {
    Standing standing;
    std::string secret;
};

// What a SCRAM login needs. When `ready` is nothing, credentials are to be derived from the rest, in a worker. A
// login with `genuine` false is carried through and refused at its end.
struct ScramSource {
    bool genuine = false;
    std::optional<ScramCredentials> ready;
    std::string password;
    std::string salt;
    std::uint32_t iterations = least_scram_iterations;
};

class UserBase {
public:
    // Everybody of `command_line` and of a passwd-file's text. A name of the command line hides the same name of the
    // file; twice in one of them is refused. The reason says "line N: ..." for the file, and never shows a secret.
    // With `findings` the file is read to its end, and everything that is wrong is told there.
    [[nodiscard]] static Parsed<UserBase> load(std::span<const NamedSecret> command_line, std::string_view file_text,
                                               std::vector<Finding>* findings = nullptr);

    // Nobody.
    UserBase() = default;
    // Those of a block, as load() made it here or in another process.
    explicit UserBase(UserBlock block) : block_{std::move(block)}, living_{block_.count()}, totals_{block_.totals()} {}
    // What was loaded, without the changes since.
    [[nodiscard]] const UserBlock& block() const noexcept { return block_; }

    [[nodiscard]] std::optional<User> find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return living_; }
    // In the order of their coming; those of run time by name.
    [[nodiscard]] std::vector<User> list() const;
    // The same one by one, for long walks in pieces. Changes in between are seen where the walk has not been yet;
    // another load in between may make it miss somebody, or meet him twice.
    struct Place {
        std::uint32_t in_block = 0;
        std::string name; // of the last one who has come since
    };
    [[nodiscard]] std::optional<User> next(Place& place) const;

    // Nothing as a source is a peer without an address.
    [[nodiscard]] Credential credential(std::string_view name, const std::optional<Source>& source) const;
    // `server_secret`: the key of made-up salts, see scram_salt_for().
    [[nodiscard]] ScramSource scram_source(std::string_view name, const std::optional<Source>& source,
                                           std::string_view server_secret) const;
    // The clear password of a user who may log in from there, for APOP and CRAM-MD5; else nothing.
    [[nodiscard]] std::optional<std::string> clear_password(std::string_view name,
                                                            const std::optional<Source>& source) const;
    // Whether there is anybody for clear_password().
    [[nodiscard]] bool knows_clear_passwords() const noexcept { return totals_.clear > 0; }
    // Whether there is anybody who could log in by SCRAM.
    [[nodiscard]] bool knows_scram_secrets() const noexcept { return totals_.clear > 0 || totals_.scram > 0; }

    // Run-time changes. `secret` with its {SCHEME}. The reason says what was wrong: a bad name or secret, a user who
    // exists already or does not. They are remembered in changes().
    [[nodiscard]] Parsed<bool> add(std::string_view name, std::string_view secret);
    [[nodiscard]] Parsed<bool> set_secret(std::string_view name, std::string_view secret);
    [[nodiscard]] Parsed<bool> remove(std::string_view name);

    // What differs from what was loaded, for rewrite_passwd_file(); and who of them came from the command line, so that
    // no file can keep the change.
    [[nodiscard]] const UserChanges& changes() const noexcept { return changes_; }
    [[nodiscard]] std::vector<std::string> changes_without_file() const;
    void forget_changes() noexcept { changes_.clear(); }
    // After a new load: what was changed at run time and not saved stays in force.
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
    std::map<std::string, std::optional<Own>, std::less<>> own_; // who is not as in the block; nothing: gone
    std::size_t living_ = 0;
    SecretTotals totals_;
    UserChanges changes_;
};

} // namespace buzon::auth
