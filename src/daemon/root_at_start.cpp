#include "buzon/daemon/root_at_start.h"

#include <cerrno>

#include "buzon/daemon/options.h"
#include "buzon/mail/open_root.h"

namespace buzon::daemon {

RootAtStart open_root_at_start(const std::string& path) {
    std::string at_fault;
    auto opened = mail::open_mail_root(mail::RootRequest::to_choose(path), at_fault);
    if (opened) return {std::move(opened).value(), {}};
    const std::error_code why = opened.error();
    // Mail can be read and removed all the same, and only that helps a full disk.
    if (why.value() == ENOSPC || why.value() == EDQUOT) opened = mail::open_without_locks(path);
    if (!opened) throw StartError(exit_code_for(why), at_fault, mail::words_for(why, at_fault));
    return {std::move(opened).value(), at_fault + " cannot be made: " + why.message()};
}

} // namespace buzon::daemon
