// auth/passwd_file.h - parses a line of a passwd-file as Dovecot does, and rewrites the file with changes. Text
// only: the caller reads and writes the file.
//
//   name:{SCHEME}secret[:uid:gid:gecos:home:shell:extra]      '#' begins a comment line, empty lines are ignored
//
// extra is a list of key=value separated by blanks. We use these:
//   allow_nets=NET[,NET...]        logins from elsewhere are refused like a wrong password
//   nologin                        logins are refused like a wrong password (whatever its value, as in Dovecot)
//   nodelay                        never throttled
//   userdb_home=DIR                overrides the home field
//   userdb_mail=maildir:DIR        the user's Maildir; `:INBOX=DIR` after it takes precedence;
//                                  `:CONTROL=DIR` is where dovecot-uidlist is; other options are ignored
//   userdb_mail_path=DIR           the same in Dovecot 2.4; userdb_mail_inbox_path takes precedence
//   buzon_secret=LABEL:{SCHEME}... an application password (application.h); up to 32
//   buzon_transform=SPEC           this user's transformation; in "..." with \" and \\ inside if it contains blanks
// A home without a mail field means the Maildir home/Maildir. Paths may begin with ~/ and contain %h %u %n %d %% or
// %{home} %{user} %{user|username} %{user|domain}; the result must be absolute and without "..". Fields that would let
// the user in as somebody else or elsewhere (user, proxy, host ...) are refused: ignoring them would open the wrong
// maildrop. An unknown scheme, or a secret that is invalid for its scheme, locks out only that user; any error in a
// buzon_secret disables only that application password. uid and gid are the owner of the Maildir, for a server started
// as root; they must be numbers, anything else is ignored. All other fields, including gecos and shell, are ignored.
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
    std::string secret;     // with its {SCHEME}; a keyring (keyring.h) if there are application passwords
    std::string maildir;    // absolute, or empty: the default place below the mail root
    std::string control;    // absolute: the directory of dovecot-uidlist; or empty: the Maildir
    std::string allow_nets; // a valid list; empty = from anywhere
    std::string transform;  // unquoted; empty = the default transformation
    bool nologin = false;
    bool nodelay = false;
    posix::Ids ids = {};           // the owner of the Maildir, if the line gives one
    SecretFacts facts = {};        // of the main secret, except the cost, which is that of all secrets
    std::string ids_fault = {};    // why `ids` differs from the line
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

// Changes to a user's line.
struct UserChange {
    std::optional<std::string> secret = {};     // a new main secret, with its {SCHEME}, without line end or ':'
    std::vector<std::string> removed = {};      // labels of application passwords
    std::vector<std::string> applications = {}; // values of buzon_secret to add; each replaces any with the same label
    bool new_user = false;                      // another user of that name: nothing else of the line remains
    friend bool operator==(const UserChange&, const UserChange&) = default;
};
// By user name; nothing if the user is removed.
using UserChanges = std::map<std::string, std::optional<UserChange>, std::less<>>;

// The file's text with the changes applied: in a user's line only what changed is replaced, lines of removed users are
// deleted, and new users with a main secret are appended, or replace the line of a removed user of that name. Comments,
// order, line ends and all other fields are preserved octet by octet. Applying the changes again has no further effect.
[[nodiscard]] std::string rewrite_passwd_file(std::string_view text, const UserChanges& changes);

} // namespace buzon::auth
