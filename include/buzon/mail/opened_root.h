// mail/opened_root.h - a mail root with its lock files, and how it comes from the worker that opened it.
#pragma once

#include <vector>

#include "buzon/mail/lock.h"
#include "buzon/mail/mail_root.h"

namespace buzon::mail {

struct OpenedRoot {
    MailRoot root;
    LockFiles files;
    std::vector<HeldLock> taken; // of those asked for
};

} // namespace buzon::mail
