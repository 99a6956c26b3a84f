// jobs/jobs.h - what the server may ask of its workers, and what they answer: one struct for each kind, from which both
// sides follow. workers/work.h does them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "buzon/auth/user_base.h"
#include "buzon/jobs/care.h"
#include "buzon/jobs/codec.h"
#include "buzon/jobs/root_jobs.h"
#include "buzon/message/mail_root.h"
#include "buzon/message/scan_request.h"
#include "buzon/message/search_request.h"
#include "buzon/message/session_record.h"
#include "buzon/message/update_request.h"
#include "buzon/worker/pool.h"

namespace buzon::jobs {

// argv[0] by which a process of this program knows that it is a worker.
inline constexpr const char* worker_name = "buzon-worker";
inline constexpr const char* hash_worker_name = "buzon-hash";
inline constexpr const char* lock_worker_name = "buzon-locks";

// A maildrop's snapshot, which is the answer's descriptor; root_has_gone() when `root` has.
struct Scan {
    static constexpr Care care = Care::look;
    message::MailRoot root;
    std::string maildir;
    bool create = true; // the Maildir, where it is missing
    message::ScanOptions options;
    static void fields(auto& self, auto&& each) { each(self.root, self.maildir, self.create, self.options); }

    struct Answer {
        std::uint64_t where = 0;       // the file system that the maildrop lies on
        bool maildir_is_local = false; // no file server has to be asked on the way to it, nor for what is in it
        bool root_is_local = false;
        message::ScanFindings findings; // of one that failed, too
        static void fields(auto& self, auto&& each) {
            each(self.where, self.maildir_is_local, self.root_is_local, self.findings);
        }
    };
};
// The same, taking the UIDLs that the maildrop has now, however many of them are new (uidl-breaker).
struct ReleaseUidls : Scan {
    static constexpr Care care = Care::change;
};

// A message by name, wherever it is now; it is the answer's descriptor.
struct Open {
    static constexpr Care care = Care::look;
    std::string maildir;
    std::string_view file_name;
    bool in_new = false;
    std::uint64_t inode = 0; // 0: its name alone tells it (Snapshot::telling_inode())
    static void fields(auto& self, auto&& each) { each(self.maildir, self.file_name, self.in_new, self.inode); }
    using Answer = Nothing;
};

// A piece of a message, for a server that must not hold the file itself.
struct ReadMessage {
    static constexpr Care care = Care::look;
    Open message;
    std::uint64_t offset = 0;
    std::uint32_t octets = 0;
    static void fields(auto& self, auto&& each) { each(self.message, self.offset, self.octets); }

    struct Answer {
        std::uint64_t inode = 0; // these three tell the file from another one of its name
        std::int64_t mtime_ns = 0;
        std::uint64_t size = 0;
        std::string octets; // none at the end of the file
        static void fields(auto& self, auto&& each) { each(self.inode, self.mtime_ns, self.size, self.octets); }
    };
};

// A message; the answer's descriptor is a copy of it in memory, or, when it is large, on this machine's disk.
struct CopyMessage {
    static constexpr Care care = Care::look;
    Open message;
    static void fields(auto& self, auto&& each) { each(self.message); }
    using Answer = Nothing;
};

// Octets of the file that goes along.
struct Read {
    static constexpr Care care = Care::look;
    std::uint64_t offset = 0;
    std::uint32_t octets = 0;
    static void fields(auto& self, auto&& each) { each(self.offset, self.octets); }

    struct Answer {
        std::string octets; // none at the end of the file
        static void fields(auto& self, auto&& each) { each(self.octets); }
    };
};

// UPDATE. A worker that died over it may have done some, or all: the second one ends that, and knows.
struct Update {
    static constexpr Care care = Care::ensure;
    bool fsync = true;
    std::string_view request; // of mail::UpdateSlices, unless it goes along as a memory file
    static void fields(auto& self, auto&& each) { each(self.fsync, self.request); }
    using Answer = message::UpdateOutcome;
};

// Unless `root` has gone.
struct MakeMaildir {
    static constexpr Care care = Care::look;
    message::MailRoot root;
    std::string maildir;
    static void fields(auto& self, auto&& each) { each(self.root, self.maildir); }
    using Answer = Nothing;
};

// Whether a password opens a stored secret ({SCHEME}...).
struct Verify {
    static constexpr Care care = Care::look;
    std::string_view secret;
    std::string_view password;
    static void fields(auto& self, auto&& each) { each(self.secret, self.password); }

    struct Answer {
        bool right = false;
        static void fields(auto& self, auto&& each) { each(self.right); }
    };
};

// A salted hash of a password, with its {SCHEME}.
struct MakeSecret {
    static constexpr Care care = Care::look;
    std::string_view scheme;
    std::string_view password;
    static void fields(auto& self, auto&& each) { each(self.scheme, self.password); }

    struct Answer {
        std::string secret;
        static void fields(auto& self, auto&& each) { each(self.secret); }
    };
};

// SCRAM-SHA-256 credentials of a password.
struct DeriveScram {
    static constexpr Care care = Care::look;
    std::string_view password;
    std::string_view salt;
    std::uint32_t iterations = 0;
    static void fields(auto& self, auto&& each) { each(self.password, self.salt, self.iterations); }

    struct Answer {
        std::string credentials; // auth::to_text() of them
        static void fields(auto& self, auto&& each) { each(self.credentials); }
    };
};

// Whether this system user can run the programs of a SPEC; "": whether we can.
struct CheckSpec {
    static constexpr Care care = Care::look;
    std::string_view spec;
    std::string_view user;
    static void fields(auto& self, auto&& each) { each(self.spec, self.user); }

    struct Answer {
        std::string problem; // empty when there is none
        static void fields(auto& self, auto&& each) { each(self.problem); }
    };
};

enum class Edited : std::uint8_t { config, users };
constexpr Edited last_of(Edited) noexcept {
    return Edited::users;
}
// Names and what becomes of them: ConfigChanges, or of users their new secret, none when they are gone.
using Edits = std::map<std::string, std::vector<std::string>, std::less<>>;

// Changes a file of the operator's, and leaves the rest of it as it is.
struct Edit {
    static constexpr Care care = Care::change;
    Edited what = Edited::config;
    std::string path;
    Edits edits;
    static void fields(auto& self, auto&& each) { each(self.what, self.path, self.edits); }
    using Answer = Nothing;
};

// Replaces a file of our own.
struct Store {
    static constexpr Care care = Care::change;
    std::string path;
    std::string_view content;
    static void fields(auto& self, auto&& each) { each(self.path, self.content); }
    using Answer = Nothing;
};

// Deleted mail comes back (maildir/trash.h).
struct Restore {
    static constexpr Care care = Care::change;
    std::string maildir;
    std::int64_t since = 0; // Unix time
    static void fields(auto& self, auto&& each) { each(self.maildir, self.since); }

    struct Answer {
        std::uint32_t restored = 0; // also of one that failed
        static void fields(auto& self, auto&& each) { each(self.restored); }
    };
};

// Part of a SEARCH.
struct Search {
    static constexpr Care care = Care::look;
    message::SearchRequest request;
    static void fields(auto& self, auto&& each) { each(self.request); }

    struct Answer {
        std::vector<std::uint32_t> numbers; // those that match, ascending
        static void fields(auto& self, auto&& each) { each(self.numbers); }
    };
};

// By maildrop.
using SessionRecords = std::unordered_map<std::string, std::vector<message::SessionRecord>>;

// What sessions did, put down where REPORT finds it.
struct Record {
    static constexpr Care care = Care::change;
    SessionRecords records;
    static void fields(auto& self, auto&& each) { each(self.records); }
    using Answer = Nothing;
};

// What has been put down of this maildrop since `since` (Unix time).
struct Report {
    static constexpr Care care = Care::look;
    std::string maildir;
    std::int64_t since = 0;
    static void fields(auto& self, auto&& each) { each(self.maildir, self.since); }

    struct Answer {
        std::string lines;
        static void fields(auto& self, auto&& each) { each(self.lines); }
    };
};

// Removes what has lain in the trash of these maildrops since before `before` (Unix time).
struct Expire {
    static constexpr Care care = Care::change;
    std::vector<std::string> maildirs;
    std::int64_t before = 0;
    static void fields(auto& self, auto&& each) { each(self.maildirs, self.before); }
    using Answer = Nothing;
};

// The config file, and all that a start would look at.
struct ReadConfig {
    static constexpr Care care = Care::look;
    std::vector<std::string> arguments; // of the command line
    static void fields(auto& self, auto&& each) { each(self.arguments); }

    struct Answer {
        std::string problem;      // why these files cannot be used; empty when they can
        std::string text;         // of the config file
        std::string root;         // the mail root, absolute
        std::string root_problem; // or why it is none
        static void fields(auto& self, auto&& each) { each(self.problem, self.text, self.root, self.root_problem); }
    };
};

// Whose names and secrets: those of the command line, and a passwd-file.
struct People {
    std::vector<auth::NamedSecret> named;
    std::string option;        // "--user" or "--admin", for errors
    std::string file;          // empty: there is none
    std::string programs_user; // whom their transformations run as (--transform-user); empty: the server's own user
    static void fields(auto& self, auto&& each) { each(self.named, self.option, self.file, self.programs_user); }
};

// They, as an auth::UserBlock, which is the answer's descriptor.
struct ReadPeople {
    static constexpr Care care = Care::look;
    People people;
    static void fields(auto& self, auto&& each) { each(self.people); }

    struct Answer {
        std::string problem; // why the file cannot be used; empty when it can
        static void fields(auto& self, auto&& each) { each(self.problem); }
    };
};

// A file's notices, as the answer's descriptor (config/file_watch.h).
struct Watch {
    static constexpr Care care = Care::look;
    std::string path;
    static void fields(auto& self, auto&& each) { each(self.path); }

    struct Answer {
        std::string name; // of the file in its directory
        static void fields(auto& self, auto&& each) { each(self.name); }
    };
};

// All of them. A job's number on its way is its place here.
using All = std::tuple<Scan, ReleaseUidls, Open, ReadMessage, CopyMessage, Read, Update, MakeMaildir, Verify,
                       MakeSecret, DeriveScram, OpenRoot, KeepLocks, Lock, Unlock, CheckSpec, Edit, Store, Restore,
                       Search, Record, Report, Expire, ReadConfig, ReadPeople, Watch>;

template <class Job, std::uint8_t Place = 0>
[[nodiscard]] constexpr std::uint8_t number_of() noexcept {
    if constexpr (std::is_same_v<Job, std::tuple_element_t<Place, All>>)
        return Place;
    else
        return number_of<Job, Place + 1>();
}

// Where a job works: a maildrop, or a file. "": on nothing of the kind, or on many.
template <class Job>
[[nodiscard]] std::string place_of(const Job& job) {
    if constexpr (requires { job.maildir; })
        return std::string{job.maildir};
    else if constexpr (requires { job.message.maildir; })
        return job.message.maildir;
    else if constexpr (requires { job.request.maildir; })
        return job.request.maildir;
    else if constexpr (requires { job.request.root.path; })
        return job.request.root.path;
    else if constexpr (requires { job.path; })
        return job.path;
    else
        return {};
}

// `file` goes along: borrowed until submit().
template <class Job>
[[nodiscard]] worker::Job order(const Job& job, int file = -1) {
    worker::Job made;
    made.kind = number_of<Job>();
    made.body = encode(job);
    made.fd = file;
    made.place = place_of(job);
    made.repeatable = Job::care != Care::change;
    made.abandonable = Job::care == Care::look;
    made.update = std::is_same_v<Job, Update>;
    return made;
}

// What a worker said. Views point into its body.
template <class Job>
struct Answered {
    std::error_code why;
    typename Job::Answer answer;
    static void fields(auto& self, auto&& each) { each(self.why, self.answer); }
};

// The error of an answer that is none; nothing of one that can be read.
[[nodiscard]] std::error_code error_of(worker::Fate fate) noexcept;

template <class Job>
[[nodiscard]] Answered<Job> read(const worker::Answer& answer) {
    Answered<Job> said{error_of(answer.fate), {}};
    if (!said.why && !decode(answer.body, said)) said = {std::make_error_code(std::errc::bad_message), {}};
    return said;
}

} // namespace buzon::jobs
