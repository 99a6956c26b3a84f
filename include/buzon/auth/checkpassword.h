// auth/checkpassword.h - the checkpassword interface (cr.yp.to/checkpwd/interface.html): what such a program is told on
// descriptor 3, and what its end means. Runs nothing.
//
// The program is run with one argument vector, `checkpassword TRUE`, where TRUE is a program that exits 0: to become it
// is to accept. The user's name must have passed fault_of_user_name() before it names a Maildir: the program knows
// nothing of ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// The most that the interface lets a program read.
inline constexpr std::size_t longest_checkpassword_message = 512;

// `user NUL password NUL timestamp NUL`, to be written to descriptor 3, which is then closed. For APOP the digest
// stands for the password and the greeting's timestamp for the timestamp. Nothing when a part holds a NUL, or all is
// longer than the interface allows: such a login is wrong without asking.
[[nodiscard]] std::optional<std::string> checkpassword_message(std::string_view user, std::string_view password,
                                                               std::string_view timestamp = {});

enum class Verdict { right, wrong, unknown };

// What a wait status (waitpid(2)) means: exit 0 right, exit 1 wrong; 111, 2 (misuse), any other exit and a signal are
// `unknown`, a trouble that passes: answer [SYS/TEMP].
[[nodiscard]] Verdict checkpassword_verdict(int wait_status) noexcept;

} // namespace buzon::auth
