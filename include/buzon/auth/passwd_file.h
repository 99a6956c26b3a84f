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
//   buzon_transform=SPEC           this user's transformation; if it contains blanks, in "..." with \" and \\ inside
// A home alone means the Maildir home/Maildir. Paths may begin with ~/ and contain %h %u %n %d %% or %{home} %{user}
// %{user|username} %{user|domain}; the result must be absolute and without "..". Fields that would let the user in as
// somebody else or elsewhere (user, proxy, host ...) are refused: ignoring them would open the wrong maildrop.
// An unknown scheme, or a secret that is invalid for its scheme, locks out that user only.
// All other fields, and uid, gid, gecos and shell, are ignored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

struct PasswdEntry {
    std::string name;
    std::string secret;     // with its {SCHEME}
    std::string maildir;    // absolute, or empty: the default place below the mail root
    std::string control;    // absolute: the directory of dovecot-uidlist; or empty: the Maildir
    std::string allow_nets; // a valid list; empty = from anywhere
    std::string transform;  // unquoted; empty = the default transformation
    bool nologin = false;
    bool nodelay = false;
    std::string secret_fault = {}; // why no password matches the secret; empty: it is valid
};

// Longer lines are refused.
inline constexpr std::size_t longest_passwd_line = 16384;

// Parses a line without its line end. Nothing for a comment or an empty line.
[[nodiscard]] Parsed<std::optional<PasswdEntry>> parse_passwd_line(std::string_view line);

// Changes by user name: the new secret (with its {SCHEME}, without line end or ':'), or nothing if removed.
using UserChanges = std::map<std::string, std::optional<std::string>, std::less<>>;

// The file's text with the changes: a changed secret is replaced in its line, a removed user's line is deleted, and a
// new user's is appended. Comments, order, line ends and other fields stay the same to the octet. Applying the changes
// again has no further effect.
[[nodiscard]] std::string rewrite_passwd_file(std::string_view text, const UserChanges& changes);

} // namespace buzon::auth
