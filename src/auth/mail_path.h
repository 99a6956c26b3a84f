// auth/mail_path.h - finds a user's Maildir from the fields of a passwd-file.
#pragma once

#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

struct MailFields {
    std::string_view home;       // home field or userdb_home
    std::string_view mail;       // userdb_mail
    std::string_view path;       // userdb_mail_path
    std::string_view inbox_path; // userdb_mail_inbox_path
    std::string_view driver;     // userdb_mail_driver
};

struct MailPath {
    std::string maildir; // absolute; empty if no field names one
    std::string control; // CONTROL= of userdb_mail: the directory of Dovecot's list of ids; or empty
};
[[nodiscard]] Parsed<MailPath> mail_path(const MailFields& fields, std::string_view user);

} // namespace buzon::auth
