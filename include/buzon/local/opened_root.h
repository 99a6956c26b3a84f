// local/opened_root.h - a mail root with its lock files, as received from the worker that opened it.
#pragma once

#include <vector>

#include "buzon/local/lock.h"
#include "buzon/message/mail_root.h"

namespace buzon::local {

struct OpenedRoot {
    message::MailRoot root;
    LockFiles files;
    std::vector<message::HeldLock> taken; // the requested locks that could be taken
};

} // namespace buzon::local
