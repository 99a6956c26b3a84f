// jobs/root_jobs.h - jobs about a mail root and the locks in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "buzon/jobs/care.h"
#include "buzon/message/mail_root.h"

namespace buzon::jobs {

// A mail root that is to be used. Its lock files are the answer's descriptor (LockFiles::bundle()).
struct OpenRoot {
    static constexpr Care care = Care::look;
    message::RootRequest request;
    static void fields(auto& self, auto&& each) { each(self.request); }

    struct Answer {
        message::MailRoot root;
        std::vector<message::HeldLock> taken; // of those asked for
        std::string at_fault;                 // what could not be opened or made
        bool elsewhere = false;               // they lie on a file system that may hang, and none of them comes
        static void fields(auto& self, auto&& each) { each(self.root, self.taken, self.at_fault, self.elsewhere); }
    };
};

// The next three are of the process buzon-locks, which has the lock files of such a root open. This one opens them.
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
        bool done = false; // else somebody has it
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
