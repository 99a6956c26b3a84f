// auth/mail_path.h - a user's Maildir as the fields of a passwd-file say it.
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
    std::string maildir; // absolute; empty when no field names one
    std::string control; // CONTROL= of userdb_mail: where Dovecot kept its list of ids; else empty
};
[[nodiscard]] Parsed<MailPath> mail_path(const MailFields& fields, std::string_view user);

} // namespace buzon::auth
