#include "buzon/workers/work.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "buzon/files/arguments.h"
#include "buzon/files/edit_file.h"
#include "buzon/files/notices.h"
#include "buzon/files/read_files.h"
#include "buzon/files/start_files.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/inspector.h"
#include "buzon/jobs/jobs.h"
#include "buzon/keeper/message.h"
#include "buzon/maildir/open_root.h"
#include "buzon/maildir/report.h"
#include "buzon/maildir/scan.h"
#include "buzon/maildir/search_maildrop.h"
#include "buzon/maildir/trash.h"
#include "buzon/maildir/update.h"
#include "buzon/posix/bundle.h"
#include "buzon/posix/io.h"
#include "buzon/posix/mounts.h"
#include "buzon/posix/replace_file.h"
#include "buzon/sandbox/denials.h"
#include "messages.h"
#include "own_files.h"
#include "reading.h"
#include "secrets.h"
#include "whose.h"

namespace buzon::workers {
namespace {

using namespace jobs;
using workers::work_on; // those of messages.h

posix::Mounts& mounts() {
    static posix::Mounts table;
    return table;
}

bool is_directory(const std::string& path) {
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

// A worker alone makes at most the Maildir itself, not its parents. Where it acts as the owner, the keeper has made the
// directory already.
std::error_code made_or_there(const message::MailRoot& root, const std::string& maildir, bool make, Duty duty) {
    if (make && duty != Duty::alone) return maildir::create_maildir_below(root, maildir);
    if (!root_is_there(root, duty)) return message::root_has_gone();
    return make ? maildir::create_maildir(maildir, AT_FDCWD, false) : std::error_code{};
}

Done<Scan> work_on(const Scan& job, int, Duty duty) {
    if (job.folder && (!is_directory(job.maildir) || !is_directory(job.maildir + "/cur"))) {
        return {root_is_there(job.root, duty) ? message::no_such_folder() : message::root_has_gone(), {}, {}};
    }
    const std::error_code trouble = made_or_there(job.root, job.maildir, job.create, duty);
    // The scan reports the cause of this error.
    if (trouble && trouble != std::errc::operation_not_permitted) return {trouble, {}, {}};
    Scan::Answer answer;
    auto snapshot = maildir::scan(job.maildir, job.options, &answer.findings);
    if (!snapshot) return {snapshot.error(), std::move(answer), {}};
    if (!root_is_there(job.root, duty))
        return {message::root_has_gone(), {}, {}}; // what was read may belong to another mail root
    const posix::FileSystem maildir = mounts().of_directory(job.maildir, {"/cur", "/new", "/tmp"});
    answer.where = maildir.number;
    answer.maildir_is_local = maildir.local;
    answer.root_is_local = mounts().of_directory(job.root.path, {"/buzon-locks"}).local;
    return {{}, std::move(answer), std::move(snapshot).value()};
}

Done<ReleaseUidls> work_on(ReleaseUidls& job, int file, Duty duty) {
    job.create = false;
    job.options.uidl.accept_changes = true;
    Done<Scan> done = work_on(static_cast<const Scan&>(job), file, duty);
    // A Maildir that is missing was never made, unless the directory above it is missing, too: that may be unmounted.
    const std::string above = job.maildir.substr(0, job.maildir.rfind('/') + 1);
    if (done.why == std::errc::no_such_file_or_directory && !is_directory(above))
        done.why = std::make_error_code(std::errc::no_such_device);
    return {done.why, std::move(done.answer), std::move(done.fd)};
}

// A memfd, mapped.
class Mapped {
public:
    explicit Mapped(int file) {
        struct stat about {};
        if (::fstat(file, &about) != 0 || about.st_size <= 0) return;
        const auto size = static_cast<std::size_t>(about.st_size);
        void* const block = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
        if (block != MAP_FAILED) bytes_ = {static_cast<const char*>(block), size};
    }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;
    ~Mapped() {
        if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
    // Empty if it could not be mapped.
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

private:
    std::string_view bytes_;
};

Done<Update> work_on(const Update& job, int file) {
    std::optional<Mapped> much;
    const auto request = message::PackedUpdate::from_bytes(file >= 0 ? much.emplace(file).bytes() : job.request);
    if (!request) return {request.error(), {}, {}};
    maildir::UpdateOptions options;
    options.fsync = job.fsync;
    return {{}, maildir::update(request.value(), options), {}};
}

Done<MakeMaildir> work_on(const MakeMaildir& job, int, Duty duty) {
    return {made_or_there(job.root, job.maildir, true, duty), {}, {}};
}

template <class Job>
Done<Job> done(posix::Result<typename Job::Answer> result) {
    if (!result) return {result.error(), {}, {}};
    return {{}, std::move(result).value(), {}};
}

Done<Verify> work_on(const Verify& job, int vault) {
    return done<Verify>(check(job, vault));
}

Done<CheckDigest> work_on(const CheckDigest& job, int vault) {
    return done<CheckDigest>(check(job, vault));
}

Done<GetScram> work_on(const GetScram& job, int vault) {
    return done<GetScram>(scram(job, vault));
}

Done<MakeSecret> work_on(const MakeSecret& job, int vault) {
    return done<MakeSecret>(make(job, vault));
}

Done<OpenRoot> work_on(const OpenRoot& job, int) {
    OpenRoot::Answer answer;
    auto opened = maildir::open_mail_root(job.request, answer.at_fault);
    if (!opened) return {opened.error(), std::move(answer), {}};
    answer.elsewhere = opened.value().files.elsewhere();
    posix::UniqueFd files;
    if (!answer.elsewhere) {
        auto bundle = opened.value().files.bundle();
        if (!bundle) return {bundle.error(), std::move(answer), {}};
        files = std::move(bundle).value();
    }
    answer.root = std::move(opened.value().root);
    answer.taken = std::move(opened.value().taken);
    answer.at_fault.clear();
    return {{}, std::move(answer), std::move(files)};
}

// The lock files of the process buzon-locks.
local::LockFiles& kept_locks() {
    static local::LockFiles files;
    return files;
}

Done<KeepLocks> work_on(KeepLocks& job, int) {
    OpenRoot::Answer answer;
    kept_locks() = {}; // first: our own locks would get in the way
    auto opened = maildir::open_mail_root(job.request, answer.at_fault, maildir::Keeper::asker);
    if (!opened) return {opened.error(), std::move(answer), {}};
    kept_locks() = std::move(opened.value().files);
    // The locks of a process that has just died may be about to be released.
    std::vector<message::HeldLock>& taken = opened.value().taken;
    for (int tries = 0; tries < 20 && taken.size() < job.request.held.size(); ++tries) {
        ::usleep(50'000);
        taken.clear();
        std::copy_if(job.request.held.begin(), job.request.held.end(), std::back_inserter(taken),
                     [](const message::HeldLock& one) { return !kept_locks().lock(one); });
    }
    return {{}, {std::move(opened.value().root), std::move(taken), {}, true}, {}};
}

Done<Lock> work_on(const Lock& job, int) {
    const std::error_code why = kept_locks().lock(job.what);
    if (!why) return {{}, {true}, {}};
    if (why.value() != EAGAIN && why.value() != EACCES) return {why, {}, {}};
    return {};
}

Done<Unlock> work_on(const Unlock& job, int) {
    kept_locks().unlock(job.hash);
    return {};
}

Done<CheckSpec> work_on(const CheckSpec& job, int) {
    const filter::ParsedSpec parsed = filter::FilterSpec::parse(job.spec);
    if (!parsed.ok()) return {{}, {parsed.problem}, {}};
    try {
        std::optional<filter::RunAs> who;
        if (!job.user.empty()) who = files::programs_user(std::string{job.user});
        const auto wrong = filter::Inspector{who ? &*who : nullptr}.check(parsed.spec);
        if (wrong) return {{}, {wrong->text}, {}};
        return {{}, {filter::not_allowed(parsed.spec, job.allowed)}, {}};
    } catch (const config::StartError& why) {
        return {{}, {why.what()}, {}};
    }
}

Done<Edit> work_on(const Edit& job, int vault, const Desk* desk) {
    if (const std::error_code why = fault_of(job, desk)) return {why, {}, {}};
    if (job.what == Edited::config) return {files::edit_config(job.path, job.edits), {}, {}};
    const auto changes = with_secrets(job, vault);
    if (changes && desk && !fit_for_lines(changes.value()))
        return {std::make_error_code(std::errc::invalid_argument), {}, {}};
    return {changes ? files::edit_users(job.path, changes.value()) : changes.error(), {}, {}};
}

Done<Store> work_on(const Store& job, int, const Desk* desk) {
    if (const std::error_code why = fault_of(job, desk)) return {why, {}, {}};
    return {posix::replace_file(job.path, job.content, "storing"), {}, {}};
}

Done<Restore> work_on(const Restore& job, int) {
    const maildir::RestoreOutcome outcome = maildir::restore(job.maildir, job.since);
    return {outcome.first_error, {outcome.restored}, {}};
}

Done<Search> work_on(const Search& job, int) {
    auto numbers = maildir::search(job.request);
    if (!numbers) return {numbers.error(), {}, {}};
    return {{}, {std::move(numbers).value()}, {}};
}

Done<Record> work_on(const Record& job, int) {
    std::error_code first;
    for (const auto& [maildir, records] : job.records) {
        // If the Maildir has gone, nobody asks for its report; if the disk is full, the report has a gap.
        const std::error_code why = maildir::record_sessions(maildir, records);
        if (!first) first = why;
    }
    return {first, {}, {}};
}

Done<Report> work_on(const Report& job, int) {
    const auto report = maildir::read_report(job.maildir, job.since);
    if (!report) return {report.error(), {}, {}};
    return {{}, {maildir::report_lines(report.value())}, {}};
}

Done<Expire> work_on(const Expire& job, int) {
    const auto gone = maildir::expire_trash(job.maildir, job.before);
    if (!gone && gone.error() != std::errc::no_such_file_or_directory) return {gone.error(), {}, {}};
    return {};
}

Done<Watch> work_on(const Watch& job, int, const Desk* desk) {
    if (const std::error_code why = fault_of(job, desk)) return {why, {}, {}};
    auto watched = files::watch_for_changes(job.path);
    if (!watched) return {watched.error(), {}, {}};
    return {{}, {std::move(watched.value().name)}, std::move(watched.value().notices)};
}

Done<OpenLog> work_on(const OpenLog& job, int, const Desk* desk) {
    if (const std::error_code why = fault_of(job, desk)) return {why, {}, {}};
    Done<OpenLog> done;
    const mode_t ours = ::umask(desk ? desk->umask : 077);
    done.fd = files::reopen_log(job.path, done.answer.problem);
    ::umask(ours);
    return done;
}

// The maildrop that a job is about; where several are possible, the first one.
template <class Job>
std::string maildrop_of(const Job& job) {
    if constexpr (std::is_same_v<Job, Record>)
        return job.records.empty() ? std::string{} : job.records.begin()->first;
    else if constexpr (
        requires { job.maildir; } || requires { job.message.maildir; } || requires { job.request.maildir; })
        return place_of(job);
    else
        return {};
}

// Whether the job is for another worker (worker/pool.h). If the mail root is gone, the job itself finds that out.
template <class Job>
bool is_for_another(const Job& job, Duty duty) {
    const std::string maildrop = maildrop_of(job);
    if (maildrop.empty()) return false;
    if (duty == Duty::shared) return !is_ours(maildrop);
    if constexpr (requires { job.root; })
        if (!root_is_there(job.root, duty)) return false;
    return !is_within_reach(maildrop);
}

// Does the job if the request is of this kind; returns whether it was.
template <class Job>
bool done_as(worker::Request& request, worker::Reply& reply, Duty duty, const Desk* desk, bool may_refuse) {
    if (request.kind != number_of<Job>()) return false;
    Job job;
    Done<Job> done{std::make_error_code(std::errc::bad_message), {}, {}};
    if (decode(request.body, job)) {
        // A worker for the operator's files does no jobs on mail: as root it could read and change everybody's.
        if (desk && !maildrop_of(job).empty()) {
            reply.body = encode(Answered<Job>{std::make_error_code(std::errc::operation_not_permitted), {}});
            return true;
        }
        if (may_refuse && is_for_another(job, duty)) return reply.not_mine = true;
        if constexpr (requires { work_on(job, 0, duty); })
            done = work_on(job, request.fd.get(), duty);
        else if constexpr (requires { work_on(job, 0, desk); })
            done = work_on(job, request.fd.get(), desk);
        else
            done = work_on(job, request.fd.get());
    }
    reply.body = encode(Answered<Job>{done.why, std::move(done.answer)});
    reply.fd = std::move(done.fd);
    return true;
}

template <class... Jobs>
worker::Reply reply_to(worker::Request& request, Duty duty, const Desk* desk, bool may_refuse,
                       const std::tuple<Jobs...>*) {
    worker::Reply reply;
    (void)(done_as<Jobs>(request, reply, duty, desk, may_refuse) || ...);
    return reply;
}

// First makes and opens what a confined process no longer can.
bool enter_sandbox(const sandbox::Plan& plan) {
    (void)mounts();
    if (plan.role == sandbox::Role::mail) maildir::make_ring();
    const auto entered = sandbox::enter(plan);
    if (entered) return true;
    (void)posix::write_all(STDERR_FILENO, "server: a worker cannot be confined: " + entered.error().message() + '\n');
    return false;
}

} // namespace

worker::Reply work(worker::Request request, Duty duty, const Desk* desk, bool may_refuse) {
    return reply_to(request, duty, desk, may_refuse, static_cast<const All*>(nullptr));
}

int worker_main(const Worker& worker, void (*confined)(const sandbox::Plan&)) {
    // Files that a worker creates contain mail: only their owner may read them.
    const mode_t operators = ::umask(077);
    (void)sandbox::count_denials_in(sandbox::denials_descriptor);
    ::close(sandbox::denials_descriptor);
    if (!enter_sandbox(worker.plan)) return EX_OSERR;
    if (confined) confined(worker.plan);
    Desk desk = worker.desk;
    desk.arguments = keeper::arguments_descriptor;
    desk.keeper = keeper::users_descriptor;
    desk.umask = operators;
    const Desk* const known = worker.plan.role == sandbox::Role::files ? &desk : nullptr;
    bool may_refuse = worker.duty != Duty::alone; // one alone has just been started for its first job
    return worker::serve([&](worker::Request request) {
        return work(std::move(request), worker.duty, known, std::exchange(may_refuse, true));
    });
}

} // namespace buzon::workers
