// keeping/maildir_owner.h - as whom a mail worker acts. Looks at paths, which may hang, and which others may change at
// any moment: so it runs in the child that becomes the worker.
#pragma once

#include "buzon/posix/ids.h"

namespace buzon::keeping {

// Whether a path lies below this directory, without any detour.
[[nodiscard]] bool lies_below(const char* directory, const char* path) noexcept;

// Of a Maildir (--folders): it is not made because somebody names it.
[[nodiscard]] bool is_folder(const char* maildir) noexcept;

// As whom to serve a Maildir. `given`: what the users file says; the rest is as the Maildir itself is. EPERM for a link
// in place of the Maildir that belongs neither to root nor to the owner of its target, unless a uid is given. `mail
// root`: that the Maildir lies below, or null. If it is missing there and a uid is given, it is made. `vouched`: one
// that lies elsewhere has to look like a Maildir; where it is missing, the owner of the folder above it, unless it is
// root, may make it. 0, or errno.
[[nodiscard]] int rights_for_maildir(const char* maildir, const char* mail_root, const posix::Ids& given, bool vouched,
                                     posix::Ids& found) noexcept;
// The same for ids that the reactor says a program has vouched for: what is there must be that user's already, and what
// is missing is made below the mail root, or by him in a folder of his.
[[nodiscard]] int rights_for_vouched(const char* maildir, const char* mail_root, const posix::Ids& given,
                                     posix::Ids& found) noexcept;
// As whom to serve whatever belongs to the owner of the mail root.
[[nodiscard]] int rights_for_root(const char* mail_root, posix::Ids& found) noexcept;
// 0 for a directory that can become a mail root on the reactor's word: buzon-locks is in it, or nothing but Maildirs.
// ENOTEMPTY if there is something else, or another errno.
[[nodiscard]] int unfit_for_mail_root(const char* path) noexcept;

// Makes it if it is missing, but nothing above it, as the user that this process has become. 0, or errno.
[[nodiscard]] int make_as_oneself(const char* maildir) noexcept;

} // namespace buzon::keeping
