// auth/passwd_file.h - parses a line of a passwd-file as Dovecot does, and rewrites the file with changes. Text
// only: the caller reads and writes the file.
//
//   name:{SCHEME}secret[:uid:gid:gecos:home:shell:extra]      '#' begins a comment line, empty lines are ignored
//
// extra is a list of key=value separated by blanks. We use these:
//   allow_nets=NET[,NET...]        from elsewhere, refused like a wrong password
//   nologin                        refused like a wrong password (whatever its value, as in Dovecot)
//   nodelay                        never throttled
//   userdb_home=DIR                overrides the home field
//   userdb_mail=maildir:DIR        the user's Maildir; `:INBOX=DIR` after it takes precedence;
//                                  `:CONTROL=DIR` is where dovecot-uidlist is; other options are ignored
//   userdb_mail_path=DIR           the same in Dovecot 2.4; userdb_mail_inbox_path takes precedence
//   buzon_secret=LABEL:{SCHEME}... an application password (application.h); as many as wanted
//   buzon_transform=SPEC           this user's transformation; if it contains blanks, in "..." with \" and \\ inside
// A home alone means the Maildir home/Maildir. Paths may begin with ~/ and contain %h %u %n %d %% or %{home} %{user}
// %{user|username} %{user|domain}; the result must be absolute and without "..". Fields that would let the user in as
// somebody else or elsewhere (user, proxy, host ...) are refused: ignoring them would open the wrong maildrop.
// An unknown scheme, or a secret that is invalid for its scheme, locks out that user only; in a buzon_secret, whatever
// is wrong with it makes that one useless. uid and gid are whose Maildir it is, for a server started as root; numbers
// only, anything else there counts as nothing. All other fields, and gecos and shell, are ignored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/auth/application.h"
#include "buzon/auth/parsed.h"
#include "buzon/auth/secret.h"
#include "buzon/posix/ids.h"

namespace buzon::auth {

struct PasswdEntry {
    std::string name;
    std::string secret;     // with its {SCHEME}; with application passwords a keyring (keyring.h)
    std::string maildir;    // absolute, or empty: the default place below the mail root
    std::string control;    // absolute: the directory of dovecot-uidlist; or empty: the Maildir
    std::string allow_nets; // a valid list; empty = from anywhere
    std::string transform;  // unquoted; empty = the default transformation
    bool nologin = false;
    bool nodelay = false;
    posix::Ids ids = {};           // the owner of the Maildir, as far as the line says
    SecretFacts facts = {};        // of the main secret, but for the cost, which is that of all
    std::string ids_fault = {};    // why they are not what the line says
    std::string secret_fault = {}; // why no password matches the main secret; empty: it is valid
    std::vector<Application> applications = {};

    // Sets `facts` and `secret_fault` from the main secret.
    void judge_secret();
    // Adds a buzon_secret.
    void add_application(std::string_view value);
};

// Longer lines are refused.
inline constexpr std::size_t longest_passwd_line = 16384;

// Parses a line without its line end. Nothing for a comment or an empty line.
[[nodiscard]] Parsed<std::optional<PasswdEntry>> parse_passwd_line(std::string_view line);

// What becomes of a user's line.
struct UserChange {
    std::optional<std::string> secret = {};     // a new main secret, with its {SCHEME}, without line end or ':'
    std::vector<std::string> removed = {};      // labels of application passwords
    std::vector<std::string> applications = {}; // values of buzon_secret that are added; each replaces one of its label
    friend bool operator==(const UserChange&, const UserChange&) = default;
};
// By user name; nothing if the user is removed.
using UserChanges = std::map<std::string, std::optional<UserChange>, std::less<>>;

// The file's text with the changes: what changed is replaced in a user's line, a removed user's line is deleted, and
// that of a new user with a main secret is appended. Comments, order, line ends and other fields stay the same to the
// octet. Applying the changes again has no further effect.
[[nodiscard]] std::string rewrite_passwd_file(std::string_view text, const UserChanges& changes);

} // namespace buzon::auth
