// auth/user_base.h - who there is: users of the command line, of a passwd-file and of the manager. Pure: reads no file,
// checks no password. Holds a hundred thousand users in one arena, some dozen octets each besides their text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/parsed.h"
#include "buzon/auth/passwd_file.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/auth/source.h"

namespace buzon::auth {

struct NamedSecret {
    std::string name;
    std::string secret;   // with its {SCHEME}
};

// `NAME:PASS` as -u takes it: split at the first ':', PASS is a clear password. The reason never shows PASS.
[[nodiscard]] Parsed<NamedSecret> parse_name_and_password(std::string_view text);

enum class Origin : std::uint8_t { command_line, file, run_time };

// Views into the base: good until it is changed or goes.
struct User {
    std::string_view name;
    std::string_view secret;
    std::string_view maildir;      // absolute, or empty: MAILROOT/name
    std::string_view allow_nets;
    std::string_view transform;
    bool nologin = false;
    bool nodelay = false;
    Origin origin = Origin::file;
};

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
    [[nodiscard]] static Parsed<UserBase> load(std::span<const NamedSecret> command_line, std::string_view file_text);

    [[nodiscard]] std::optional<User> find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return living_; }
    // In the order of their coming.
    [[nodiscard]] std::vector<User> list() const;
    // The same one by one, for long walks in pieces: begin with `at` 0. Changes in between may make it miss somebody.
    [[nodiscard]] std::optional<User> next(std::size_t& at) const;

    // Nothing as a source is a peer without an address.
    [[nodiscard]] Credential credential(std::string_view name, const std::optional<Source>& source) const;
    // `server_secret`: the key of made-up salts, see scram_salt_for().
    [[nodiscard]] ScramSource scram_source(std::string_view name, const std::optional<Source>& source,
                                           std::string_view server_secret) const;
    // The clear password of a user who may log in from there, for APOP and CRAM-MD5; else nothing.
    [[nodiscard]] std::optional<std::string> clear_password(std::string_view name,
                                                            const std::optional<Source>& source) const;
    // Whether there is anybody for clear_password().
    [[nodiscard]] bool knows_clear_passwords() const noexcept { return clear_ > 0; }
    // Whether there is anybody who could log in by SCRAM.
    [[nodiscard]] bool knows_scram_secrets() const noexcept { return clear_ > 0 || scram_ > 0; }

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
    struct Entry {
        std::uint32_t at;   // in text_: name, secret, maildir, allow_nets, transform, one behind the other
        std::uint16_t name, secret, maildir, allow_nets, transform;
        Origin origin;
        bool nologin : 1, nodelay : 1, living : 1;
    };

    [[nodiscard]] User view(const Entry& entry) const noexcept;
    [[nodiscard]] const Entry* entry_of(std::string_view name) const noexcept;
    [[nodiscard]] std::string fault_of(std::string_view name, std::string_view secret) const;
    [[nodiscard]] Standing standing_of(const std::optional<User>& user, const std::optional<Source>& source) const;
    [[nodiscard]] std::string load_file(std::string_view text);
    Entry store(const PasswdEntry& entry, Origin origin);
    void append(const PasswdEntry& entry, Origin origin);
    void grow_table();
    void note_secret(std::string_view secret, bool comes);
    void drop(Entry& entry);
    void compact();

    std::string text_;
    std::vector<Entry> entries_;         // in the order of their coming; the dead stay until compact()
    std::vector<std::uint32_t> table_;   // open addressing, a power of two; index into entries_ plus one, 0 = free
    std::size_t living_ = 0;
    std::size_t garbage_ = 0;            // octets of text_ that no living entry uses
    std::size_t clear_ = 0;              // users whose clear password is known
    std::size_t scram_ = 0;              // users with SCRAM credentials of their own
    std::uint64_t slowest_ = 0;          // cost of the slowest secret seen
    std::string decoy_ = "{PLAIN.hex}00";
    std::uint32_t scram_iterations_ = least_scram_iterations;
    UserChanges changes_;
    std::vector<std::string> fixed_names_;   // of the command line, sorted
};

} // namespace buzon::auth
