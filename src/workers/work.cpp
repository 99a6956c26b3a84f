#include "buzon/workers/work.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "buzon/auth/make_secret.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/auth/secret.h"
#include "buzon/files/edit_file.h"
#include "buzon/files/notices.h"
#include "buzon/files/read_files.h"
#include "buzon/files/start_files.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/inspector.h"
#include "buzon/jobs/jobs.h"
#include "buzon/local/freshness.h"
#include "buzon/maildir/open_message.h"
#include "buzon/maildir/open_root.h"
#include "buzon/maildir/report.h"
#include "buzon/maildir/scan.h"
#include "buzon/maildir/search_maildrop.h"
#include "buzon/maildir/trash.h"
#include "buzon/maildir/update.h"
#include "buzon/posix/mounts.h"
#include "buzon/posix/replace_file.h"

namespace buzon::workers {
namespace {

using namespace jobs;

// The result of a job: an error or an answer, and possibly a descriptor.
template <class Job>
struct Done {
    std::error_code why;
    typename Job::Answer answer;
    posix::UniqueFd fd;
};

posix::Mounts& mounts() {
    static posix::Mounts table;
    return table;
}

Done<Scan> work_on(const Scan& job, int) {
    const std::error_code trouble = job.create                  ? maildir::create_maildir_below(job.root, job.maildir)
                                    : local::is_there(job.root) ? std::error_code{}
                                                                : message::root_has_gone();
    // The scan reports what caused the error.
    if (trouble && trouble != std::errc::operation_not_permitted) return {trouble, {}, {}};
    Scan::Answer answer;
    auto snapshot = maildir::scan(job.maildir, job.options, &answer.findings);
    if (!snapshot) return {snapshot.error(), std::move(answer), {}};
    if (!local::is_there(job.root))
        return {message::root_has_gone(), {}, {}}; // what was read may belong to another mail root
    const posix::FileSystem maildir = mounts().of_directory(job.maildir, {"/cur", "/new", "/tmp"});
    answer.where = maildir.number;
    answer.maildir_is_local = maildir.local;
    answer.root_is_local = mounts().of_directory(job.root.path, {"/buzon-locks"}).local;
    return {{}, std::move(answer), std::move(snapshot).value()};
}

Done<ReleaseUidls> work_on(ReleaseUidls& job, int file) {
    job.create = false;
    job.options.uidl.accept_changes = true;
    Done<Scan> done = work_on(static_cast<const Scan&>(job), file);
    return {done.why, std::move(done.answer), std::move(done.fd)};
}

posix::Result<posix::UniqueFd> open_message(const Open& job) {
    return maildir::open_message(job.maildir, job.file_name, job.in_new, job.inode);
}

Done<Open> work_on(const Open& job, int) {
    auto file = open_message(job);
    if (!file) return {file.error(), {}, {}};
    return {{}, {}, std::move(file).value()};
}

std::error_code read_at(int file, std::uint64_t offset, std::uint32_t octets, std::string& data) {
    data.resize(octets);
    ssize_t n = 0;
    do {
        n = ::pread(file, data.data(), data.size(), static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return posix::last_error();
    // The following octets will be wanted next: start reading them into memory.
    ::posix_fadvise(file, static_cast<off_t>(offset) + n, 1 << 20, POSIX_FADV_WILLNEED);
    data.resize(static_cast<std::size_t>(n));
    return {};
}

Done<Read> work_on(const Read& job, int file) {
    Done<Read> done;
    done.why = read_at(file, job.offset, job.octets, done.answer.octets);
    return done;
}

Done<ReadMessage> work_on(const ReadMessage& job, int) {
    const auto file = open_message(job.message);
    if (!file) return {file.error(), {}, {}};
    struct stat about {};
    if (::fstat(file.value().get(), &about) != 0) return {posix::last_error(), {}, {}};
    Done<ReadMessage> done;
    done.answer.inode = about.st_ino;
    done.answer.mtime_ns = about.st_mtim.tv_sec * std::int64_t{1'000'000'000} + about.st_mtim.tv_nsec;
    done.answer.size = static_cast<std::uint64_t>(about.st_size);
    done.why = read_at(file.value().get(), job.offset, job.octets, done.answer.octets);
    return done;
}

// A file without a name.
posix::UniqueFd nameless_file(bool large) {
    if (!large) return posix::UniqueFd{::memfd_create("buzon-message", MFD_CLOEXEC)};
    std::string path = std::filesystem::temp_directory_path() / "buzon-XXXXXX";
    posix::UniqueFd file{::mkostemp(path.data(), O_CLOEXEC)};
    if (file) ::unlink(path.c_str());
    return file;
}

// Reopened, so that it is read from its beginning whatever offset the other descriptor has.
posix::Result<posix::UniqueFd> opened_again(int file) {
    posix::UniqueFd again{::open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!again) return posix::last_error();
    return again;
}

Done<CopyMessage> work_on(const CopyMessage& job, int) {
    constexpr off_t max_in_memory = 8 * 1024 * 1024;
    const auto file = open_message(job.message);
    if (!file) return {file.error(), {}, {}};
    struct stat about {};
    if (::fstat(file.value().get(), &about) != 0) return {posix::last_error(), {}, {}};
    const posix::UniqueFd copy = nameless_file(about.st_size > max_in_memory);
    if (!copy) return {posix::last_error(), {}, {}};
    for (std::size_t left = static_cast<std::size_t>(about.st_size); left > 0;) {
        const ssize_t n = ::sendfile(copy.get(), file.value().get(), nullptr, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return {posix::last_error(), {}, {}};
        if (n == 0) break; // the file has been truncated
        left -= static_cast<std::size_t>(n);
    }
    auto again = opened_again(copy.get());
    if (!again) return {again.error(), {}, {}};
    return {{}, {}, std::move(again).value()};
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

Done<MakeMaildir> work_on(const MakeMaildir& job, int) {
    return {maildir::create_maildir_below(job.root, job.maildir), {}, {}};
}

// Sessions come first: slow hashes run at low priority.
void step_back() {
    static const int done = ::setpriority(PRIO_PROCESS, 0, 19);
    (void)done;
}

Done<Verify> work_on(const Verify& job, int) {
    step_back();
    const auto secret = auth::Secret::parse(job.secret);
    if (!secret) return {std::make_error_code(std::errc::invalid_argument), {}, {}};
    return {{}, {secret.value().verify(job.password)}, {}};
}

Done<MakeSecret> work_on(const MakeSecret& job, int) {
    step_back();
    const auto made = auth::make_secret(job.scheme, job.password);
    if (!made) return {std::make_error_code(std::errc::invalid_argument), {}, {}};
    return {{}, {made.value()}, {}};
}

Done<DeriveScram> work_on(const DeriveScram& job, int) {
    step_back();
    return {{}, {auth::to_text(auth::derive_scram(job.password, job.salt, job.iterations))}, {}};
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

// Those held by the process buzon-locks.
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
        return {{}, {wrong ? wrong->text : ""}, {}};
    } catch (const config::StartError& why) {
        return {{}, {why.what()}, {}};
    }
}

Done<Edit> work_on(const Edit& job, int) {
    return {files::edit_file(job.what, job.path, job.edits), {}, {}};
}

Done<Store> work_on(const Store& job, int) {
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
        // The Maildir has gone, or the disk is full: then the report has a gap, or nobody asks for it.
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
    std::error_code first;
    for (const std::string& maildir : job.maildirs) {
        const auto gone = maildir::expire_trash(maildir, job.before);
        if (!gone && !first && gone.error() != std::errc::no_such_file_or_directory) first = gone.error();
    }
    return {first, {}, {}};
}

Done<ReadConfig> work_on(const ReadConfig& job, int) {
    ReadConfig::Answer answer;
    try {
        const std::vector<std::string_view> arguments{job.arguments.begin(), job.arguments.end()};
        const config::Options options = config::parse_options(
            arguments, [&](const std::string& path) { return answer.text = files::read_config_file(path); });
        files::check_options(options);
        try {
            answer.root = files::checked_root(options.path);
        } catch (const config::StartError& problem) {
            answer.root_problem = problem.what(); // the server decides whether it matters
        }
        return {{}, std::move(answer), {}};
    } catch (const config::StartError& why) {
        return {{}, {why.what(), {}, {}, {}}, {}};
    }
}

Done<ReadPeople> work_on(const ReadPeople& job, int) {
    try {
        const auth::UserBase base = files::load(job.people);
        auto memory = message::seal_in_memfd(base.block().bytes(), "buzon-users");
        if (!memory) return {memory.error(), {}, {}};
        return {{}, {}, std::move(memory).value()};
    } catch (const config::StartError& why) {
        return {{}, {why.what()}, {}};
    }
}

Done<Watch> work_on(const Watch& job, int) {
    auto watched = files::watch_for_changes(job.path);
    if (!watched) return {watched.error(), {}, {}};
    return {{}, {std::move(watched.value().name)}, std::move(watched.value().notices)};
}

// Whether the request was of this kind.
template <class Job>
bool done_as(worker::Request& request, worker::Reply& reply) {
    if (request.kind != number_of<Job>()) return false;
    Job job;
    Done<Job> done{std::make_error_code(std::errc::bad_message), {}, {}};
    if (decode(request.body, job)) done = work_on(job, request.fd.get());
    reply.body = encode(Answered<Job>{done.why, std::move(done.answer)});
    reply.fd = std::move(done.fd);
    return true;
}

template <class... Jobs>
worker::Reply reply_to(worker::Request& request, const std::tuple<Jobs...>*) {
    worker::Reply reply;
    (void)(done_as<Jobs>(request, reply) || ...);
    return reply;
}

} // namespace

worker::Reply work(worker::Request request) {
    return reply_to(request, static_cast<const All*>(nullptr));
}

int worker_main() {
    // Files that a worker creates contain mail: only their owner may read them.
    ::umask(077);
    return worker::serve(work);
}

} // namespace buzon::workers
