#include "root_at_start.h"

#include <cerrno>

#include "buzon/config/options.h"
#include "buzon/maildir/open_root.h"

namespace buzon::server {

RootAtStart open_root_at_start(const std::string& path) {
    std::string at_fault;
    auto opened = maildir::open_mail_root(message::RootRequest::to_choose(path), at_fault);
    if (opened) return {std::move(opened).value(), {}};
    const std::error_code why = opened.error();
    // Mail can be read and removed all the same, and only that helps a full disk.
    if (why.value() == ENOSPC || why.value() == EDQUOT) opened = maildir::open_without_locks(path);
    if (!opened) throw config::StartError(config::exit_code_for(why), at_fault, message::words_for(why, at_fault));
    return {std::move(opened).value(), at_fault + " cannot be made: " + why.message()};
}

} // namespace buzon::server
