#include "buzon/message/mail_root.h"

#include <cerrno>

namespace buzon::message {

std::error_code no_such_folder() noexcept {
    return {ENOTNAM, std::system_category()};
}

std::error_code root_has_gone() noexcept {
    return {ENOMEDIUM, std::system_category()}; // no file system returns this for a directory
}

std::string words_for(std::error_code why, std::string_view at_fault) {
    if (why == root_has_gone()) return "the mail root is not the same directory as before";
    if (why == std::errc::not_a_directory && at_fault.ends_with("/buzon-locks"))
        return "must be the lock directory, but is a file";
    return why.message();
}

} // namespace buzon::message
