// auth/user_base.h - all users: from the command line, a passwd-file and managers. Reads no files, checks no passwords.
// Loaded users are in one block (user_block.h); later changes are kept beside it. The secrets themselves are in vaults,
// which only workers can open (files/vault.h): a UserBase only knows where each of them is.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/application.h"
#include "buzon/auth/parsed.h"
#include "buzon/auth/passwd_file.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/auth/source.h"
#include "buzon/auth/user_block.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::auth {

struct NamedSecret {
    std::string name;
    std::string secret; // with its {SCHEME}

    static void fields(auto& self, auto&& each) { each(self.name, self.secret); }
};

// `NAME:PASS` as -u takes it: split at the first ':', PASS is a plain password. An error never shows PASS.
[[nodiscard]] Parsed<NamedSecret> parse_name_and_password(std::string_view text);

// A fault in a line of a passwd-file. A fatal one makes the file invalid; any other affects only that user.
struct Finding {
    std::size_t line;
    std::string what; // begins with the user's name if there is one
    bool fatal;
};
// One for each broken secret of a user: "ana: unknown password scheme {ARGON2ID}; this user cannot log in".
[[nodiscard]] std::vector<std::string> faults_of(const User& user);

// Whether a user may log in. All but `open` are answered like a wrong password; only the log says more.
enum class Standing { open, unknown, locked, nologin, wrong_network };

// A descriptor that this process can pass on but not read.
using Vault = std::shared_ptr<const posix::UniqueFd>;

// Selects secrets of one user in a vault.
struct SecretPlace {
    std::string name;
    std::uint64_t change = 0; // 0: as loaded; otherwise the number of a run-time change
    bool decoy = false;       // instead: secrets as slow as these (no name: as the slowest) that nothing matches
    std::vector<std::string> among = {}; // which of this user's secrets, as in Keyring::opened_by()

    static void fields(auto& self, auto&& each) { each(self.name, self.change, self.decoy, self.among); }
};

// What to verify a password against. For any standing but `open` it is a decoy as slow as the slowest secret: verify it
// anyway, and refuse whatever the result.
struct Credential {
    Standing standing = Standing::unknown;
    SecretPlace place;
    Vault vault;
    bool slow = false;                                 // to verify
    std::optional<SecretPlace> changed = std::nullopt; // more of the user's secrets, in changed_vault()
    std::uint64_t main_change = 0;                     // where the main secret is, as in SecretPlace
};
enum class Secrets : std::uint8_t { all, main };

// What a worker needs to make the credentials of a SCRAM login. Unknown users get credentials too, which takes the same
// time; their login runs to its end and is then refused.
struct ScramSource {
    Credential credential;
    std::uint32_t iterations = min_scram_iterations; // if the credentials are not stored
    bool derive_decoys = false;                      // for decoys too, as for users whose password is stored
    bool slow = false;                               // credentials must be derived
};

// The users of one load and, separately, their secrets; both are passed to other processes.
struct LoadedUsers {
    UserBlock users;
    UserBlock secrets;
};

// What changed for a user at run time.
struct RunTimeChange {
    std::uint64_t change = 0;         // the number of the user's keyring in the vault of changes; 0: none
    bool main = false;                // the main secret is in it
    std::vector<std::string> added;   // application passwords in it, as parse_application() takes them
    std::vector<std::string> removed; // labels of application passwords
    bool new_user = false;            // a user of that name was removed: this is another one
    friend bool operator==(const RunTimeChange&, const RunTimeChange&) = default;
    static void fields(auto& self, auto&& each) {
        each(self.change, self.main, self.added, self.removed, self.new_user);
    }
};
// By user name; nothing if the user was removed.
using SecretChanges = std::map<std::string, std::optional<RunTimeChange>, std::less<>>;

class UserBase {
public:
    // Loads the users of `command_line` and of a passwd-file's text. A name on the command line hides the same name in
    // the file; a name that occurs twice in either is refused. The error says "line N: ..." for the file, and never
    // shows a secret. With `findings`, the whole file is read, and every fault is added there.
    [[nodiscard]] static Parsed<LoadedUsers> load(std::span<const NamedSecret> command_line, std::string_view file_text,
                                                  std::vector<Finding>* findings = nullptr);

    // No users.
    UserBase() = default;
    // The users of a block made by load(), in this process or another.
    explicit UserBase(UserBlock block, Vault loaded = {}, Vault changed = {})
        : block_{std::move(block)}
        , loaded_{std::move(loaded)}
        , changed_{std::move(changed)}
        , living_{block_.count()}
        , totals_{block_.totals()} {}
    // What was loaded, without later changes.
    [[nodiscard]] const UserBlock& block() const noexcept { return block_; }

    [[nodiscard]] std::optional<User> find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return living_; }
    // Iterates in steps: first the loaded users in their order, then those added at run time, by name. A change between
    // two steps is seen if it concerns a user still ahead; a new load may make it skip or repeat users.
    struct Place {
        std::uint32_t in_block = 0;
        std::string name; // of the last user visited that was added at run time
    };
    [[nodiscard]] std::optional<User> next(Place& place) const;

    // No source means a peer without an address.
    [[nodiscard]] Credential credential(std::string_view name, const std::optional<Source>& source,
                                        Secrets which = Secrets::all) const;
    // The user's application passwords.
    [[nodiscard]] std::vector<Application> applications_of(std::string_view name) const;
    [[nodiscard]] ScramSource scram_source(std::string_view name, const std::optional<Source>& source) const;
    // Whether the plain password of any user is known, for APOP and CRAM-MD5.
    [[nodiscard]] bool knows_clear_passwords() const noexcept { return totals_.clear > 0; }
    // Whether any user could log in by SCRAM.
    [[nodiscard]] bool knows_scram_secrets() const noexcept { return totals_.clear > 0 || totals_.scram > 0; }

    // Run-time changes, recorded in changes(). The error says what is wrong: a bad name, or a user or label that
    // already exists or does not exist. For a new secret, a worker first puts a keyring into changed_vault() under a
    // number from next_change(): the secrets of `base()` that are still in force, plus the new one.
    struct Base {
        std::uint64_t change = 0; // 0: none
        std::vector<std::string> labels;
    };
    [[nodiscard]] Base base(std::string_view name) const;
    [[nodiscard]] Parsed<bool> add(std::string_view name, std::uint64_t change, const SecretFacts& facts);
    // `base`: the change that the keyring was made from; refused if the user has changed since.
    [[nodiscard]] Parsed<bool> set_secret(std::string_view name, std::uint64_t change, const SecretFacts& facts,
                                          std::uint64_t base);
    [[nodiscard]] Parsed<bool> add_application(std::string_view name, Application application, std::uint64_t change,
                                               const SecretFacts& facts, std::uint64_t base);
    [[nodiscard]] Parsed<bool> remove_application(std::string_view name, std::string_view label);
    [[nodiscard]] Parsed<bool> remove(std::string_view name);
    [[nodiscard]] std::uint64_t next_change() noexcept { return ++last_change_; }
    [[nodiscard]] const Vault& changed_vault() const noexcept { return changed_; }

    // The differences from what was loaded; and the changed users that came from the command line, whose changes no
    // file can store.
    [[nodiscard]] const SecretChanges& changes() const noexcept { return changes_; }
    [[nodiscard]] std::vector<std::string> changes_without_file() const;
    // These have been written to the file: forgets those that have not changed since.
    void forget_changes(const SecretChanges& written) noexcept {
        std::erase_if(changes_, [&](const auto& change) {
            const auto found = written.find(change.first);
            const bool forgotten = found != written.end() && found->second == change.second;
            const auto own = own_.find(change.first);
            // From now on the line in the file is that of the new user.
            if (forgotten && own != own_.end() && own->second) own->second->changes.new_user = false;
            return forgotten;
        });
    }
    // After a new load: repeats the run-time changes that have not been saved, so that they stay in force.
    void repeat_changes_of(const UserBase& before);

private:
    // A user who differs from the block.
    struct Own {
        PasswdEntry fields; // without secrets; the cost is that of the main secret, and 0 for a loaded one
        Origin origin = Origin::run_time;
        std::string applications; // fields.applications as a text
        bool slow_line = false;   // a secret in the user's line is slow to verify
        RunTimeChange changes;
    };

    [[nodiscard]] static User view(const Own& own) noexcept;
    [[nodiscard]] static std::uint64_t cost_of(const Own& own) noexcept; // of verifying all its secrets
    [[nodiscard]] Standing standing_of(const std::optional<User>& user, const std::optional<Source>& source) const;
    void place(const Own& own, Secrets which, Credential& into) const;
    // The user's entry in own_, created if missing; null if there is no such user.
    [[nodiscard]] Own* own(std::string_view name);
    [[nodiscard]] Parsed<Own*> own_from(std::string_view name, std::uint64_t base);
    void note(Own& own);

    UserBlock block_;
    Vault loaded_;
    Vault changed_;
    std::uint64_t last_change_ = 0;
    std::map<std::string, std::optional<Own>, std::less<>> own_; // users that differ from the block; nothing: removed
    std::size_t living_ = 0;
    SecretTotals totals_;
    SecretChanges changes_;
};

} // namespace buzon::auth
