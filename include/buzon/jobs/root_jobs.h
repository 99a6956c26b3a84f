// jobs/root_jobs.h - jobs about a mail root and its locks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "buzon/jobs/care.h"
#include "buzon/message/mail_root.h"

namespace buzon::jobs {

// Opens a mail root. The answer's descriptor holds its lock files (LockFiles::bundle()).
struct OpenRoot {
    static constexpr Care care = Care::look;
    message::RootRequest request;
    static void fields(auto& self, auto&& each) { each(self.request); }

    struct Answer {
        message::MailRoot root;
        std::vector<message::HeldLock> taken; // those requested that could be taken
        std::string at_fault;                 // the path that could not be opened or created
        bool elsewhere = false;               // on a file system that may hang, so no lock files are sent
        static void fields(auto& self, auto&& each) { each(self.root, self.taken, self.at_fault, self.elsewhere); }
    };
};

// The next three are for the process buzon-locks, which holds the lock files of such a root. This one opens them.
struct KeepLocks {
    static constexpr Care care = Care::look;
    message::RootRequest request;
    static void fields(auto& self, auto&& each) { each(self.request); }
    using Answer = OpenRoot::Answer;
};
struct Lock {
    static constexpr Care care = Care::change;
    message::HeldLock what;
    static void fields(auto& self, auto&& each) { each(self.what); }

    struct Answer {
        bool done = false; // false: somebody else holds it
        static void fields(auto& self, auto&& each) { each(self.done); }
    };
};
struct Unlock {
    static constexpr Care care = Care::change;
    std::uint64_t hash = 0;
    static void fields(auto& self, auto&& each) { each(self.hash); }
    using Answer = Nothing;
};

} // namespace buzon::jobs
