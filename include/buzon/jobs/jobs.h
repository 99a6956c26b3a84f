// jobs/jobs.h - the requests that the server can send to its workers, and their answers: one struct per kind, used by
// both sides. workers/work.h carries them out.
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
#include "buzon/jobs/secret_jobs.h"
#include "buzon/message/mail_root.h"
#include "buzon/message/scan_request.h"
#include "buzon/message/search_request.h"
#include "buzon/message/session_record.h"
#include "buzon/message/update_request.h"
#include "buzon/worker/pool.h"

namespace buzon::jobs {

// The argv[0] that marks a process of this program as a worker.
inline constexpr const char* worker_name = "buzon-worker";
inline constexpr const char* files_worker_name = "buzon-files";
inline constexpr const char* hash_worker_name = "buzon-hash";
inline constexpr const char* lock_worker_name = "buzon-locks";

// Gets a maildrop's snapshot as the answer's descriptor; root_has_gone() if `root` has gone.
struct Scan {
    static constexpr Care care = Care::look;
    message::MailRoot root;
    std::string maildir;
    bool create = true; // create the Maildir if it is missing
    message::ScanOptions options;
    bool folder = false; // within a Maildir: no_such_folder() if it is missing, or a link
    static void fields(auto& self, auto&& each) {
        each(self.root, self.maildir, self.create, self.options, self.folder);
    }

    struct Answer {
        std::uint64_t where = 0;       // the file system of the maildrop
        bool maildir_is_local = false; // neither its path nor its content depends on a file server
        bool root_is_local = false;
        message::ScanFindings findings; // also set on failure
        static void fields(auto& self, auto&& each) {
            each(self.where, self.maildir_is_local, self.root_is_local, self.findings);
        }
    };
};
// As Scan, but accepts the new UIDLs of the maildrop, no matter how many have changed (uidl-breaker).
struct ReleaseUidls : Scan {
    static constexpr Care care = Care::change;
};

// Opens a message by name, even if it was renamed; the answer's descriptor is the file.
struct Open {
    static constexpr Care care = Care::look;
    std::string maildir;
    std::string_view file_name;
    bool in_new = false;
    std::uint64_t inode = 0; // 0: identified by name alone (Snapshot::telling_inode())
    static void fields(auto& self, auto&& each) { each(self.maildir, self.file_name, self.in_new, self.inode); }
    using Answer = Nothing;
};

// Opens a message as Open does, and also the messages that the client will probably request next, if they are where
// they were listed. The answer's descriptor is a bundle of all opened files (posix/bundle.h).
struct OpenAhead {
    static constexpr Care care = Care::look;
    static constexpr std::size_t max_messages = 16;
    struct Message {
        std::string_view file_name;
        bool in_new = false;
        std::uint64_t inode = 0; // as in Open
        static void fields(auto& self, auto&& each) { each(self.file_name, self.in_new, self.inode); }
    };
    std::string maildir;
    std::vector<Message> messages; // the first is the one requested
    static void fields(auto& self, auto&& each) { each(self.maildir, self.messages); }

    struct Answer {
        std::vector<std::uint32_t> opened; // indexes into `messages`; 0 is one of them
        static void fields(auto& self, auto&& each) { each(self.opened); }
    };
};

// Reads a piece of a message, for a server that must not hold the file open.
struct ReadMessage {
    static constexpr Care care = Care::look;
    Open message;
    std::uint64_t offset = 0;
    std::uint32_t octets = 0;
    static void fields(auto& self, auto&& each) { each(self.message, self.offset, self.octets); }

    struct Answer {
        std::uint64_t inode = 0; // these three distinguish the file from another with the same name
        std::int64_t mtime_ns = 0;
        std::uint64_t size = 0;
        std::string octets; // empty at the end of the file
        static void fields(auto& self, auto&& each) { each(self.inode, self.mtime_ns, self.size, self.octets); }
    };
};

// Copies a message; the answer's descriptor is a copy in memory or, if large, on a local disk.
struct CopyMessage {
    static constexpr Care care = Care::look;
    Open message;
    static void fields(auto& self, auto&& each) { each(self.message); }
    using Answer = Nothing;
};

// Reads from the file sent along.
struct Read {
    static constexpr Care care = Care::look;
    std::uint64_t offset = 0;
    std::uint32_t octets = 0;
    static void fields(auto& self, auto&& each) { each(self.offset, self.octets); }

    struct Answer {
        std::string octets; // empty at the end of the file
        static void fields(auto& self, auto&& each) { each(self.octets); }
    };
};

// UPDATE. A worker that died may have done part or all of it; repeating the job completes it.
struct Update {
    static constexpr Care care = Care::ensure;
    std::string maildir;
    bool fsync = true;
    std::string_view request; // from message::UpdateSlices, unless sent along as a memfd
    static void fields(auto& self, auto&& each) { each(self.maildir, self.fsync, self.request); }
    using Answer = message::UpdateOutcome;
};

// Creates a Maildir unless `root` has gone.
struct MakeMaildir {
    static constexpr Care care = Care::look;
    message::MailRoot root;
    std::string maildir;
    static void fields(auto& self, auto&& each) { each(self.root, self.maildir); }
    using Answer = Nothing;
};

// Checks whether a system user can run the programs of a SPEC; "" means our own user.
struct CheckSpec {
    static constexpr Care care = Care::look;
    std::string_view spec;
    std::string_view user;
    std::vector<std::string> allowed; // folders of the permitted programs; none: any program is permitted
    static void fields(auto& self, auto&& each) { each(self.spec, self.user, self.allowed); }

    struct Answer {
        std::string problem; // empty if none
        static void fields(auto& self, auto&& each) { each(self.problem); }
    };
};

enum class Edited : std::uint8_t { config, users };
constexpr Edited last_of(Edited) noexcept {
    return Edited::users;
}
// Options and their new values (config::ConfigChanges); no value removes the line.
using Edits = std::map<std::string, std::vector<std::string>, std::less<>>;

// Edits one of the operator's files, keeping the rest of its content.
struct Edit {
    static constexpr Care care = Care::change;
    Edited what = Edited::config;
    std::string path;
    Edits edits; // of the config file
    // Of a users file; the new secrets are in the vault of changes, which is sent along.
    std::map<std::string, auth::RunTimeChange> users = {};
    std::vector<std::string> gone = {}; // users who were removed
    static void fields(auto& self, auto&& each) { each(self.what, self.path, self.edits, self.users, self.gone); }
    using Answer = Nothing;
};

// Replaces one of our own files.
struct Store {
    static constexpr Care care = Care::change;
    std::string path;
    std::string_view content;
    static void fields(auto& self, auto&& each) { each(self.path, self.content); }
    using Answer = Nothing;
};

// Restores deleted mail (maildir/trash.h).
struct Restore {
    static constexpr Care care = Care::change;
    std::string maildir;
    std::int64_t since = 0; // Unix time
    static void fields(auto& self, auto&& each) { each(self.maildir, self.since); }

    struct Answer {
        std::uint32_t restored = 0; // also set on failure
        static void fields(auto& self, auto&& each) { each(self.restored); }
    };
};

// Searches part of a maildrop.
struct Search {
    static constexpr Care care = Care::look;
    message::SearchRequest request;
    static void fields(auto& self, auto&& each) { each(self.request); }

    struct Answer {
        std::vector<std::uint32_t> numbers; // the matching ones, ascending
        static void fields(auto& self, auto&& each) { each(self.numbers); }
    };
};

// By maildrop.
using SessionRecords = std::unordered_map<std::string, std::vector<message::SessionRecord>>;

// Records what sessions did, for REPORT.
struct Record {
    static constexpr Care care = Care::change;
    SessionRecords records;
    static void fields(auto& self, auto&& each) { each(self.records); }
    using Answer = Nothing;
};

// Gets the records of a maildrop since `since` (Unix time).
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

// Removes messages deleted before `before` (Unix time) from the trash of a maildrop and of its Maildir++ folders.
struct Expire {
    static constexpr Care care = Care::change;
    std::string maildir;
    std::int64_t before = 0;
    static void fields(auto& self, auto&& each) { each(self.maildir, self.before); }
    using Answer = Nothing;
};

// Reads the config file and everything else that startup would check. The worker gets the command line from its keeper.
struct ReadConfig {
    static constexpr Care care = Care::look;
    std::string mail_root; // the option in force
    static void fields(auto& self, auto&& each) { each(self.mail_root); }

    struct Answer {
        std::string problem; // why the configuration cannot be used; empty if it can
        std::string text;    // of the config file, with its secrets hidden
        std::string root;    // the absolute mail root; empty if that is the one in force and unavailable
        static void fields(auto& self, auto&& each) { each(self.problem, self.text, self.root); }
    };
};

// A source of names and secrets: entries of the command line, and a passwd-file.
struct People {
    std::vector<auth::NamedSecret> named;
    std::string option;        // "--user" or "--admin", for errors
    std::string file;          // empty: none
    std::string programs_user; // the user their transformations run as (--transform-user); empty: the server's own user
};

// Reads the users or administrators that the command line and the config file name now. The answer's descriptor is a
// bundle of two: an auth::UserBlock and the vault of their secrets.
struct ReadPeople {
    static constexpr Care care = Care::look;
    bool administrators = false; // false: users
    std::string file;            // as in the configuration in force: if it names another by now, that is an error
    bool only_settled = false;   // do not use a file that may be half written
    static void fields(auto& self, auto&& each) { each(self.administrators, self.file, self.only_settled); }

    struct Answer {
        std::string problem; // why the file cannot be used; empty if it can
        bool settled = true; // false: it was not used; try again later
        static void fields(auto& self, auto&& each) { each(self.problem, self.settled); }
    };
};

// Sets up inotify for a file; the inotify instance is the answer's descriptor (config/file_watch.h).
struct Watch {
    static constexpr Care care = Care::look;
    std::string path;
    static void fields(auto& self, auto&& each) { each(self.path); }

    struct Answer {
        std::string name; // of the file within its directory
        static void fields(auto& self, auto&& each) { each(self.name); }
    };
};

// Opens the log file; it is the answer's descriptor.
struct OpenLog {
    static constexpr Care care = Care::look;
    std::string path;
    static void fields(auto& self, auto&& each) { each(self.path); }

    struct Answer {
        std::string problem; // why it cannot be opened; empty if it can
        static void fields(auto& self, auto&& each) { each(self.problem); }
    };
};

// All kinds. A job is sent with its position in this list.
using All = std::tuple<Scan, ReleaseUidls, Open, OpenAhead, ReadMessage, CopyMessage, Read, Update, MakeMaildir, Verify,
                       CheckDigest, GetScram, MakeSecret, OpenRoot, KeepLocks, Lock, Unlock, CheckSpec, Edit, Store,
                       Restore, Search, Record, Report, Expire, ReadConfig, ReadPeople, Watch, OpenLog>;

template <class Job, std::uint8_t Place = 0>
[[nodiscard]] constexpr std::uint8_t number_of() noexcept {
    if constexpr (std::is_same_v<Job, std::tuple_element_t<Place, All>>)
        return Place;
    else
        return number_of<Job, Place + 1>();
}

// What a job works on: a maildrop or a file; "" for nothing or several.
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

// `file` is sent along.
template <class Job>
[[nodiscard]] worker::Job order(const Job& job, std::shared_ptr<const posix::UniqueFd> file = {}) {
    worker::Job made;
    made.kind = number_of<Job>();
    made.body = encode(job);
    made.file = std::move(file);
    made.place = place_of(job);
    made.repeatable = Job::care != Care::change;
    made.abandonable = Job::care == Care::look;
    made.update = std::is_same_v<Job, Update>;
    return made;
}

// The same, for a maildrop of this owner.
template <class Job>
[[nodiscard]] worker::Job order_for(const posix::Ids& owner, const Job& job,
                                    std::shared_ptr<const posix::UniqueFd> file = {}) {
    worker::Job made = order(job, std::move(file));
    made.owner = owner;
    return made;
}

// A worker's answer. Views point into its body.
template <class Job>
struct Answered {
    std::error_code why;
    typename Job::Answer answer;
    static void fields(auto& self, auto&& each) { each(self.why, self.answer); }
};

// The error that a Fate stands for; none if there is an answer to decode.
[[nodiscard]] std::error_code error_of(worker::Fate fate) noexcept;

template <class Job>
[[nodiscard]] Answered<Job> read(const worker::Answer& answer) {
    Answered<Job> said{answer.why ? answer.why : error_of(answer.fate), {}};
    if (!said.why && !decode(answer.body, said)) said = {std::make_error_code(std::errc::bad_message), {}};
    return said;
}

} // namespace buzon::jobs
