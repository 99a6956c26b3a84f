// daemon/jobs.h - the kinds of work that the server gives to worker processes, and the workers' main().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "buzon/daemon/save_file.h"
#include "buzon/daemon/start_files.h"
#include "buzon/mail/mail_root.h"
#include "buzon/mail/report.h"
#include "buzon/mail/scan.h"
#include "buzon/mail/search_maildrop.h"
#include "buzon/mail/uidl_rules.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/worker/pool.h"
#include "buzon/worker/serve.h"

namespace buzon::daemon {

// argv[0] by which a process of this program knows that it is a worker.
inline constexpr const char* worker_name = "buzon-worker";
inline constexpr const char* hash_worker_name = "buzon-hash";
[[nodiscard]] int worker_main();
// What a worker makes of a job. It may wait.
[[nodiscard]] worker::Reply do_job(worker::Request request);

enum class JobKind : std::uint8_t {
    scan,
    open,
    read,
    update,
    make_maildir,
    verify,
    make_secret,
    scram,
    root,
    check_spec,
    edit,
    store,
    restore,
    search,
    record,
    report,
    expire,
    config,
    people,
    watch
};

// By maildrop.
using SessionRecords = std::unordered_map<std::string, std::vector<mail::SessionRecord>>;

// Every answer begins with an error number (0: fine); what follows depends on the kind.
struct Answered {
    std::error_code why;
    std::string_view rest; // points into the answer's body
};
[[nodiscard]] Answered read_answer(const worker::Answer& answer);

// A maildrop's snapshot, mail::root_has_gone() when `root` has. Answer: what read_scan_answer() takes; the descriptor
// is the snapshot. With an error: what read_findings() takes.
[[nodiscard]] worker::Job scan_job(const mail::MailRoot& root, const std::string& maildir, bool create,
                                   const mail::UidlRules& rules);
// Which of them lie on file systems of this machine, and what else the scan had to say.
struct ScanAnswer {
    bool maildir_is_local = false;
    bool root_is_local = false;
    mail::ScanFindings findings;
};
[[nodiscard]] ScanAnswer read_scan_answer(std::string_view rest);
[[nodiscard]] mail::ScanFindings read_findings(std::string_view rest);
// A message by name, wherever it is now. Answer: the descriptor.
[[nodiscard]] worker::Job open_job(const std::string& maildir, std::string_view file_name, bool in_new,
                                   std::uint64_t inode);
// Octets of a file that are not in memory. Answer: the octets, none at its end. `file` is borrowed until submit().
[[nodiscard]] worker::Job read_job(int file, std::uint64_t offset, std::uint32_t octets);
// Answer: a mail::UpdateOutcome. The request: of mail::UpdateSlices, all of it in `file` when that is not -1
// (a memory file, borrowed until submit()).
[[nodiscard]] worker::Job update_job(bool fsync, std::string_view request, int file);
// Whether a password opens a stored secret ({SCHEME}…). Answer: "y" or "n".
[[nodiscard]] worker::Job verify_job(std::string_view secret, std::string_view password);
// A salted hash of a password, with its {SCHEME}. Answer: the text.
[[nodiscard]] worker::Job make_secret_job(std::string_view scheme, std::string_view password);
// SCRAM-SHA-256 credentials of a password. Answer: auth::to_text() of them.
[[nodiscard]] worker::Job scram_job(std::string_view password, std::string_view salt, std::uint32_t iterations);
// A mail root that is to be used, with its lock files.
[[nodiscard]] worker::Job root_job(const mail::RootRequest& request);
struct RootAnswer {
    posix::Result<mail::OpenedRoot> opened;
    std::string trouble; // why it failed, with the path
};
[[nodiscard]] RootAnswer read_root_answer(worker::Answer answer);
// A FileWatch's notices. Answer: the file's name in its directory, and as descriptor the notices.
[[nodiscard]] worker::Job watch_job(const std::string& path);
// Whether this system user can run the programs of a SPEC; "": whether we can. Answer: what is wrong, empty when
// nothing is.
[[nodiscard]] worker::Job check_spec_job(std::string_view spec, std::string_view user);
// Unless `root` has gone.
[[nodiscard]] worker::Job make_maildir_job(const mail::MailRoot& root, const std::string& maildir);
// Deleted mail comes back (mail/trash.h). Answer: how many messages, as text.
[[nodiscard]] worker::Job restore_job(const std::string& maildir, std::int64_t since);
// Takes the UIDLs that a maildrop has now, however many of them are new (uidl-breaker). Answer as of scan_job().
[[nodiscard]] worker::Job release_uidl_job(const mail::MailRoot& root, const std::string& maildir,
                                           mail::UidlRules rules);
// Part of a SEARCH. Answer: what mail::numbers_from_bytes() takes.
[[nodiscard]] worker::Job search_job(const mail::SearchRequest& request);
// What sessions did, put down where REPORT finds it. Answer: nothing.
[[nodiscard]] worker::Job record_job(const SessionRecords& records);
// What has been put down of this maildrop since `since` (Unix time). Answer: the lines.
[[nodiscard]] worker::Job report_job(const std::string& maildir, std::int64_t since);
// Removes what has lain in the trash of these maildrops since before `before` (Unix time). Answer: how many messages.
[[nodiscard]] worker::Job expire_job(std::span<const std::string> maildirs, std::int64_t before);
// edit_file() and replace_file().
[[nodiscard]] worker::Job edit_job(Edited what, const std::string& path, const Edits& edits);
[[nodiscard]] worker::Job store_job(const std::string& path, std::string_view content);

// What files say, or the sentence why they are wrong.
struct Found {
    bool right;
    std::string_view text; // points into the answer's body
};
[[nodiscard]] Found read_found(std::string_view rest);
// The config file and all that check_options() looks at. Answer: a Found, its text to be read by read_config_found().
[[nodiscard]] worker::Job config_job(const Options& before);
struct ConfigFound {
    std::string text;         // of the config file
    std::string root;         // as checked_root() gives it
    std::string root_problem; // or why it does not
};
[[nodiscard]] ConfigFound read_config_found(std::string_view text);
// load(). Answer: a Found, and as descriptor an auth::UserBlock.
[[nodiscard]] worker::Job people_job(const People& people);

} // namespace buzon::daemon
