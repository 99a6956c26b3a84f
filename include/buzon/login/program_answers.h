// login/program_answers.h - the questions to programs about logins, and their answers. Runs nothing. Accepts no home
// that could lead elsewhere: it must be absolute and without "..".
#pragma once

#include <string>
#include <string_view>

#include "buzon/login/checkpassword.h"
#include "buzon/posix/ids.h"
#include "buzon/posix/secret_text.h"

namespace buzon::login {

// The answer of --checkpassword.
struct PasswordAnswer {
    Verdict verdict = Verdict::unknown;
    std::string why;  // for the log, if unknown
    std::string home; // the Maildir is HOME/Maildir; empty: the usual place
    posix::Ids ids;   // to serve the Maildir with; unsaid: the program gave none, or root
};

// `user TAB password TAB ip`, each in base64.
[[nodiscard]] posix::WipedString password_question(std::string_view user, std::string_view password,
                                                   std::string_view ip);
// `ok [home=DIR] [uid=N] [gid=N]`, `no` or `fail REASON`.
[[nodiscard]] bool is_password_answer(std::string_view line);
[[nodiscard]] PasswordAnswer read_password_answer(std::string_view line);

// Reads the output of a program that was started with checkpassword_arguments() and accepted the login: after the first
// NUL, the effective ids as `Uid:N` and `Gid:N`, then the environment.
[[nodiscard]] PasswordAnswer read_environment(std::string_view output);

// `user TAB token`, both in base64.
[[nodiscard]] posix::WipedString token_question(std::string_view user, std::string_view token);
struct TokenAnswer {
    std::string name; // whose token it is; empty: refused
    std::string status, scope;
};
// `ok NAME` or `no STATUS [SCOPE]`.
[[nodiscard]] bool is_token_answer(std::string_view line);
[[nodiscard]] TokenAnswer read_token_answer(std::string_view line);

} // namespace buzon::login
