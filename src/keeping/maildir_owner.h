// keeping/maildir_owner.h - which user a mail worker acts as. Looking at paths may hang, and others may change them at
// any moment, so this runs in the child that becomes the worker.
#pragma once

#include "buzon/posix/ids.h"

namespace buzon::keeping {

// Whether a path lies below this directory, with no empty, "." or ".." component after it.
[[nodiscard]] bool lies_below(const char* directory, const char* path) noexcept;

// Whether this is a folder of a Maildir (--folders). A folder is not made just because somebody names it.
[[nodiscard]] bool is_folder(const char* maildir) noexcept;

// Finds the ids to serve a Maildir with. `given`: what the users file says; the rest comes from the Maildir itself.
// EPERM if a link takes the place of the Maildir and belongs neither to root nor to the owner of its target, unless a
// uid is given. `mail_root`: the one that the Maildir lies below, or null. If the Maildir is missing there, it is made:
// for the uid that is given, else for the owner of the mail root. `vouched`: a Maildir elsewhere must look like one; if
// it is missing, the owner of the directory above it may make it, unless that is root. Returns 0 or errno.
[[nodiscard]] int rights_for_maildir(const char* maildir, const char* mail_root, const posix::Ids& given, bool vouched,
                                     posix::Ids& found) noexcept;
// The same for ids that a program has vouched for, according to the reactor. An existing Maildir must already belong to
// that user; a missing one is made below the mail root, or by the user in a directory of that user.
[[nodiscard]] int rights_for_vouched(const char* maildir, const char* mail_root, const posix::Ids& given,
                                     posix::Ids& found) noexcept;
// Finds the ids to serve anything with that belongs to the owner of the mail root.
[[nodiscard]] int rights_for_root(const char* mail_root, posix::Ids& found) noexcept;
// Returns 0 if the directory can become a mail root on the reactor's word: it contains buzon-locks, or nothing but
// Maildirs. ENOTEMPTY if it contains anything else, or another errno.
[[nodiscard]] int unfit_for_mail_root(const char* path) noexcept;

// Makes the Maildir if it is missing, but nothing above it, as the user that this process has become. Returns 0 or
// errno.
[[nodiscard]] int make_as_oneself(const char* maildir) noexcept;

} // namespace buzon::keeping
