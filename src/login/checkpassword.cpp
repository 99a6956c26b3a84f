#include "buzon/login/checkpassword.h"

#include <sys/wait.h>

namespace buzon::login {

std::optional<std::string> checkpassword_message(std::string_view user, std::string_view password,
                                                 std::string_view timestamp) {
    if (user.size() + password.size() + timestamp.size() + 3 > longest_checkpassword_message) return std::nullopt;
    std::string message;
    message.reserve(longest_checkpassword_message); // growing would leave pieces of the password in memory
    for (const std::string_view part : {user, password, timestamp}) {
        if (part.find('\0') != part.npos) return std::nullopt;
        message += part;
        message += '\0';
    }
    return message;
}

Verdict checkpassword_verdict(int wait_status) noexcept {
    if (!WIFEXITED(wait_status)) return Verdict::unknown;
    switch (WEXITSTATUS(wait_status)) {
    case 0: return Verdict::right;
    case 1: return Verdict::wrong;
    default: return Verdict::unknown;
    }
}

} // namespace buzon::login
