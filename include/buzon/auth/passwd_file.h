// auth/passwd_file.h - one line of a passwd-file as Dovecot reads it, and the same file with changes. Pure text: the
// owner reads and writes the file.
//
//   name:{SCHEME}secret[:uid:gid:gecos:home:shell:extra]      '#' begins a comment line, empty lines count for nothing
//
// extra is a list of key=value separated by blanks; of it we use
//   allow_nets=NET[,NET...]        refused from elsewhere as with a wrong password
//   nologin                        refused as with a wrong password (its value does not matter, as in Dovecot)
//   nodelay                        never throttled
//   userdb_home=DIR                the same as the home field, and stronger
//   userdb_mail=maildir:DIR        the user's Maildir; `:INBOX=DIR` behind it is stronger;
//                                  `:CONTROL=DIR` says where dovecot-uidlist is; other options change nothing
//   userdb_mail_path=DIR           the same in the words of Dovecot 2.4; userdb_mail_inbox_path is stronger
//   buzon_transform=SPEC           this user's transformation; when it holds blanks, in "..." with \" and \\ inside
// A home alone stands for the Maildir home/Maildir. Paths may begin with ~/ and hold %h %u %n %d %% or %{home} %{user}
// %{user|username} %{user|domain}; they must come out absolute and without "..". Fields that would let the user in as
// somebody else or elsewhere (user, proxy, host ...) are refused: ignoring them would open the wrong maildrop.
// A secret of a scheme that we do not know, or that is none of its scheme's, locks that user alone.
// All other fields, and uid, gid, gecos and shell, are left to the programs that use them.
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
    std::string maildir;    // absolute, or empty: the usual place below the mail root
    std::string control;    // absolute: where Dovecot kept dovecot-uidlist; or empty: in the Maildir
    std::string allow_nets; // checked to be a list; empty = from anywhere
    std::string transform;  // as written, quotes undone; empty = as everybody
    bool nologin = false;
    bool nodelay = false;
    std::string secret_fault = {}; // why nobody can open the secret; empty: it is one
};

// Longer lines are refused.
inline constexpr std::size_t longest_passwd_line = 16384;

// A line without its line end. Nothing for a comment or an empty line.
[[nodiscard]] Parsed<std::optional<PasswdEntry>> parse_passwd_line(std::string_view line);

// What became of users by name: their new secret (with its {SCHEME}, no line end or ':' in it), or gone.
using UserChanges = std::map<std::string, std::optional<std::string>, std::less<>>;

// The file's text with the changes made: a changed secret is exchanged in its line, a removed user's line goes, a new
// user's comes at the end. All else, comments, order, line ends and other fields, stays to the octet. Done twice it
// changes nothing more.
[[nodiscard]] std::string rewrite_passwd_file(std::string_view text, const UserChanges& changes);

} // namespace buzon::auth
