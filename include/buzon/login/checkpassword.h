// login/checkpassword.h - the checkpassword interface (cr.yp.to/checkpwd/interface.html): the message for descriptor 3
// and the meaning of exit codes. Runs nothing.
//
// The program gets its own arguments, followed by those of another program; if it accepts the login, it execs that one,
// which prints its ids and environment and exits with 0 (checkpassword_arguments()). Check the user's name with
// fault_of_user_name() before it names a Maildir: the program does not know our rules.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::login {

// Maximum length of the message in that interface.
inline constexpr std::size_t longest_checkpassword_message = 512;

// `user NUL password NUL timestamp NUL`, to be written to descriptor 3, which is then closed. For APOP, pass the digest
// as the password, and the timestamp of the greeting. std::nullopt if a part contains a NUL or the message would be too
// long: such a login is wrong without running the program.
[[nodiscard]] std::optional<std::string> checkpassword_message(std::string_view user, std::string_view password,
                                                               std::string_view timestamp = {});

// The default value is `unknown`, which lets nobody in.
enum class Verdict { unknown, wrong, right };

// The meaning of a wait status (waitpid(2)): exit code 0 is right, 1 is wrong; 111, 2 (misuse), any other code and a
// signal are `unknown`, a temporary failure: answer [SYS/TEMP].
[[nodiscard]] Verdict checkpassword_verdict(int wait_status) noexcept;

} // namespace buzon::login
