#include "buzon/daemon/jobs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "buzon/auth/make_secret.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/auth/secret.h"
#include "buzon/daemon/file_watch.h"
#include "buzon/daemon/locks.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/inspector.h"
#include "buzon/mail/open_message.h"
#include "buzon/mail/scan.h"
#include "buzon/mail/trash.h"
#include "buzon/mail/update.h"
#include "buzon/worker/serve.h"

namespace buzon::daemon {
namespace {

// Numbers travel in the machine's own order: both ends are the same program on the same machine.
template <class Number>
void put(std::string& into, Number n) {
    into.append(static_cast<const char*>(static_cast<const void*>(&n)), sizeof n);
}

template <class Number>
bool take(std::string_view& from, Number& n) {
    if (from.size() < sizeof n) return false;
    std::memcpy(&n, from.data(), sizeof n);
    from.remove_prefix(sizeof n);
    return true;
}

void put_text(std::string& into, std::string_view text) {
    put(into, static_cast<std::uint32_t>(text.size()));
    into += text;
}

bool take_text(std::string_view& from, std::string& text) {
    std::uint32_t length = 0;
    if (!take(from, length) || length > from.size()) return false;
    text = from.substr(0, length);
    from.remove_prefix(length);
    return true;
}

worker::Reply reply(std::error_code why, std::string_view rest = {}, posix::UniqueFd fd = {}) {
    worker::Reply reply;
    put(reply.body, static_cast<std::int32_t>(why.value()));
    reply.body += rest;
    reply.fd = std::move(fd);
    return reply;
}

worker::Reply broken() {
    return reply(std::make_error_code(std::errc::bad_message));
}

// Where metadata that was read a moment ago is still in memory and the file server cannot be slow, because there is
// none.
bool on_local_file_system(const std::string& path) {
    struct statfs about {};
    if (::statfs(path.c_str(), &about) != 0) return false;
    switch (static_cast<unsigned long>(about.f_type)) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case F2FS_SUPER_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
    case RAMFS_MAGIC:
    case 0x2fc12fc1: // ZFS, which is in no header of Linux
    case 0xca451a4e: // bcachefs
        return true;
    default: return false;
    }
}

void put_root(std::string& into, const mail::MailRoot& root) {
    put_text(into, root.path);
    put(into, root.mark);
}

bool take_root(std::string_view& from, mail::MailRoot& root) {
    return take_text(from, root.path) && take(from, root.mark);
}

worker::Reply do_scan(std::string_view body) {
    std::uint8_t create = 0;
    mail::MailRoot root;
    if (!take_root(body, root) || !take(body, create)) return broken();
    auto wanted = mail::ScanRequest::from_bytes(body);
    if (!wanted) return broken();
    const mail::ScanRequest& request = wanted.value();
    const std::error_code trouble = create                 ? mail::create_maildir_below(root, request.maildir)
                                    : mail::is_there(root) ? std::error_code{}
                                                           : mail::root_has_gone();
    // What it is that stands in the way, the scan says.
    if (trouble && trouble != std::errc::operation_not_permitted) return reply(trouble);
    mail::ScanFindings findings;
    auto snapshot = mail::scan(request.maildir, request.options, &findings);
    if (!snapshot) return reply(snapshot.error(), findings.to_bytes());
    if (!mail::is_there(root)) return reply(mail::root_has_gone()); // what was read may be another one's
    std::string local;
    for (const std::string& path : {request.maildir, root.path})
        put(local, static_cast<std::uint8_t>(on_local_file_system(path)));
    return reply({}, local + findings.to_bytes(), std::move(snapshot).value());
}

worker::Reply do_open(std::string_view body) {
    auto wanted = mail::OpenRequest::from_bytes(body);
    if (!wanted) return broken();
    auto file = mail::open_message(wanted.value());
    if (!file) return reply(file.error());
    return reply({}, {}, std::move(file).value());
}

worker::Reply do_read(std::string_view body, int file) {
    std::uint64_t offset = 0;
    std::uint32_t octets = 0;
    if (!take(body, offset) || !take(body, octets)) return broken();
    std::string data(octets, '\0');
    ssize_t n = 0;
    do {
        n = ::pread(file, data.data(), data.size(), static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return reply(posix::last_error());
    // What comes next is wanted next: by then it shall be in memory.
    ::posix_fadvise(file, static_cast<off_t>(offset) + n, 1 << 20, POSIX_FADV_WILLNEED);
    return reply({}, std::string_view{data}.substr(0, static_cast<std::size_t>(n)));
}

// A memory file, in memory.
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
    // Empty when it could not be mapped.
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

private:
    std::string_view bytes_;
};

worker::Reply do_update(std::string_view body, int file) {
    std::uint8_t fsync = 1;
    if (!take(body, fsync)) return broken();
    std::optional<Mapped> much;
    if (file >= 0) body = much.emplace(file).bytes();
    const auto request = mail::PackedUpdate::from_bytes(body);
    if (!request) return broken();
    mail::UpdateOptions options;
    options.fsync = fsync != 0;
    return reply({}, mail::update(request.value(), options).to_bytes());
}

// Whoever is logged in comes first: slow hashes take the time that is left, and some of it in any case.
void step_back() {
    static const int done = ::setpriority(PRIO_PROCESS, 0, 19);
    (void)done;
}

worker::Reply do_verify(std::string_view body) {
    step_back();
    std::uint32_t length = 0;
    if (!take(body, length) || length > body.size()) return broken();
    const auto secret = auth::Secret::parse(body.substr(0, length));
    if (!secret) return broken();
    return reply({}, secret.value().verify(body.substr(length)) ? "y" : "n");
}

worker::Reply do_make_secret(std::string_view body) {
    step_back();
    std::string scheme;
    if (!take_text(body, scheme)) return broken();
    const auto made = auth::make_secret(scheme, body);
    if (!made) return reply(std::make_error_code(std::errc::invalid_argument));
    return reply({}, made.value());
}

worker::Reply do_scram(std::string_view body) {
    step_back();
    std::uint32_t iterations = 0;
    std::uint32_t length = 0;
    if (!take(body, iterations) || !take(body, length) || length > body.size()) return broken();
    return reply({}, auth::to_text(auth::derive_scram(body.substr(length), body.substr(0, length), iterations)));
}

worker::Reply do_root(std::string_view body) {
    const auto request = mail::RootRequest::from_bytes(body);
    if (!request) return broken();
    std::string at_fault;
    const auto opened = mail::open_mail_root(request.value(), at_fault);
    if (!opened) return reply(opened.error(), at_fault);
    auto bundle = opened.value().files.bundle();
    if (!bundle) return reply(bundle.error(), at_fault);
    return reply({}, opened.value().to_bytes(), std::move(bundle).value());
}

worker::Reply do_make_maildir(std::string_view body) {
    mail::MailRoot root;
    if (!take_root(body, root)) return broken();
    return reply(mail::create_maildir_below(root, std::string{body}));
}

worker::Reply do_watch(const std::string& path) {
    auto watched = FileWatch::look(path);
    if (!watched) return reply(watched.error());
    return reply({}, watched.value().name, std::move(watched.value().notices));
}

worker::Reply do_check_spec(std::string_view body) {
    std::string user;
    if (!take_text(body, user)) return broken();
    const filter::ParsedSpec parsed = filter::FilterSpec::parse(body);
    if (!parsed.ok()) return reply({}, parsed.problem);
    try {
        const std::optional<filter::RunAs> who = user.empty() ? std::nullopt : std::optional{programs_user(user)};
        const auto wrong = filter::Inspector{who ? &*who : nullptr}.check(parsed.spec);
        return reply({}, wrong ? wrong->text : "");
    } catch (const StartError& why) {
        return reply({}, why.what());
    }
}

worker::Reply do_edit(std::string_view body) {
    std::uint8_t what = 0;
    std::string path;
    if (!take(body, what) || !take_text(body, path)) return broken();
    Edits edits;
    while (!body.empty()) {
        std::string name;
        std::uint32_t count = 0;
        if (!take_text(body, name) || !take(body, count)) return broken();
        std::vector<std::string>& values = edits[name];
        for (; count > 0; --count) {
            if (!take_text(body, values.emplace_back())) return broken();
        }
    }
    return reply(edit_file(static_cast<Edited>(what), path, edits));
}

worker::Reply do_restore(std::string_view body) {
    std::int64_t since = 0;
    if (!take(body, since)) return broken();
    const mail::RestoreOutcome outcome = mail::restore(std::string{body}, since);
    return reply(outcome.first_error, std::to_string(outcome.restored));
}

worker::Reply do_store(std::string_view body) {
    std::string path;
    if (!take_text(body, path)) return broken();
    return reply(replace_file(path, body, "storing"));
}

worker::Reply do_search(std::string_view body) {
    const auto request = mail::SearchRequest::from_bytes(body);
    if (!request) return broken();
    const auto numbers = mail::search(request.value());
    if (!numbers) return reply(numbers.error());
    return reply({}, mail::to_bytes(numbers.value()));
}

void put_records(std::string& into, const std::string& maildir, std::span<const mail::SessionRecord> records) {
    put_text(into, maildir);
    put(into, static_cast<std::uint32_t>(records.size()));
    for (const mail::SessionRecord& record : records) put_text(into, record.to_bytes());
}

bool take_records(std::string_view& from, std::string& maildir, std::vector<mail::SessionRecord>& records) {
    std::uint32_t count = 0;
    if (!take_text(from, maildir) || !take(from, count)) return false;
    std::string bytes;
    for (; count > 0; --count) {
        if (!take_text(from, bytes)) return false;
        auto record = mail::SessionRecord::from_bytes(bytes);
        if (!record) return false;
        records.push_back(std::move(record).value());
    }
    return true;
}

worker::Reply do_record(std::string_view body) {
    std::error_code first;
    while (!body.empty()) {
        std::string maildir;
        std::vector<mail::SessionRecord> records;
        if (!take_records(body, maildir, records)) return broken();
        // A Maildir that is gone, a full disk: then nobody asks for this report, or it has a gap.
        const std::error_code why = mail::record_sessions(maildir, records);
        if (!first) first = why;
    }
    return reply(first);
}

worker::Reply do_report(std::string_view body) {
    std::int64_t since = 0;
    if (!take(body, since)) return broken();
    const auto report = mail::read_report(std::string{body}, since);
    if (!report) return reply(report.error());
    return reply({}, mail::report_lines(report.value()));
}

worker::Reply do_expire(std::string_view body) {
    std::int64_t before = 0;
    if (!take(body, before)) return broken();
    std::error_code first;
    std::uint64_t removed = 0;
    while (!body.empty()) {
        std::string maildir;
        if (!take_text(body, maildir)) return broken();
        const auto gone = mail::expire_trash(maildir, before);
        if (gone)
            removed += gone.value();
        else if (!first && gone.error() != std::errc::no_such_file_or_directory)
            first = gone.error();
    }
    return reply(first, std::to_string(removed));
}

worker::Reply right(std::string_view text = {}, posix::UniqueFd fd = {}) {
    return reply({}, 'y' + std::string{text}, std::move(fd));
}

worker::Reply wrong(const StartError& why) {
    return reply({}, 'n' + std::string{why.what()});
}

worker::Reply do_config(std::string_view body) {
    std::vector<std::string> words;
    while (!body.empty()) {
        if (!take_text(body, words.emplace_back())) return broken();
    }
    try {
        std::string text;
        const std::vector<std::string_view> views{words.begin(), words.end()};
        const Options options =
            parse_options(views, [&text](const std::string& path) { return text = read_config_file(path); });
        check_options(options);
        std::string root;
        std::string root_problem;
        try {
            root = checked_root(options.path);
        } catch (const StartError& problem) {
            root_problem = problem.what(); // whether it matters the server knows
        }
        std::string found;
        for (const std::string& part : {text, root, root_problem}) put_text(found, part);
        return right(found);
    } catch (const StartError& why) {
        return wrong(why);
    }
}

worker::Reply do_people(std::string_view body) {
    People people;
    if (!take_text(body, people.option) || !take_text(body, people.file) || !take_text(body, people.programs_user)) {
        return broken();
    }
    while (!body.empty()) {
        auth::NamedSecret& one = people.named.emplace_back();
        if (!take_text(body, one.name) || !take_text(body, one.secret)) return broken();
    }
    try {
        const auth::UserBase base = load(people);
        auto memory = mail::seal_in_memfd(base.block().bytes(), "buzon-users");
        if (!memory) return reply(memory.error());
        return right({}, std::move(memory).value());
    } catch (const StartError& why) {
        return wrong(why);
    }
}

worker::Job job(JobKind kind, std::string body) {
    worker::Job made;
    made.kind = static_cast<std::uint8_t>(kind);
    made.body = std::move(body);
    return made;
}

// Of work that only looks, or that finds done what was done: a dying worker costs nobody an answer.
worker::Job repeatable(worker::Job made) {
    made.repeatable = true;
    return made;
}

} // namespace

worker::Reply do_job(worker::Request request) {
    switch (static_cast<JobKind>(request.kind)) {
    case JobKind::scan: return do_scan(request.body);
    case JobKind::open: return do_open(request.body);
    case JobKind::read: return do_read(request.body, request.fd.get());
    case JobKind::update: return do_update(request.body, request.fd.get());
    case JobKind::make_maildir: return do_make_maildir(request.body);
    case JobKind::verify: return do_verify(request.body);
    case JobKind::make_secret: return do_make_secret(request.body);
    case JobKind::scram: return do_scram(request.body);
    case JobKind::root: return do_root(request.body);
    case JobKind::check_spec: return do_check_spec(request.body);
    case JobKind::edit: return do_edit(request.body);
    case JobKind::store: return do_store(request.body);
    case JobKind::restore: return do_restore(request.body);
    case JobKind::search: return do_search(request.body);
    case JobKind::record: return do_record(request.body);
    case JobKind::report: return do_report(request.body);
    case JobKind::expire: return do_expire(request.body);
    case JobKind::config: return do_config(request.body);
    case JobKind::people: return do_people(request.body);
    case JobKind::watch: return do_watch(request.body);
    }
    return broken();
}

int worker_main() {
    // Files that a worker makes belong to the mail: nobody else reads them.
    ::umask(077);
    return worker::serve(do_job);
}

Answered read_answer(const worker::Answer& answer) {
    switch (answer.fate) {
    case worker::Fate::answered: break;
    case worker::Fate::too_late: return {std::make_error_code(std::errc::timed_out), {}};
    case worker::Fate::refused: return {std::make_error_code(std::errc::device_or_resource_busy), {}};
    case worker::Fate::no_descriptor: return {std::make_error_code(std::errc::too_many_files_open), {}};
    case worker::Fate::crashed: return {std::make_error_code(std::errc::state_not_recoverable), {}};
    }
    std::string_view rest = answer.body;
    std::int32_t code = 0;
    if (!take(rest, code)) return {std::make_error_code(std::errc::bad_message), {}};
    return {code == 0 ? std::error_code{} : std::error_code{code, std::system_category()}, rest};
}

mail::ScanFindings read_findings(std::string_view rest) {
    auto findings = mail::ScanFindings::from_bytes(rest);
    return findings ? std::move(findings).value() : mail::ScanFindings{};
}

worker::Job scan_job(const mail::MailRoot& root, const std::string& maildir, bool create,
                     const mail::UidlRules& rules) {
    std::string body;
    put_root(body, root);
    put(body, static_cast<std::uint8_t>(create));
    mail::ScanRequest request;
    request.maildir = maildir;
    request.options.uidl = rules;
    return repeatable(job(JobKind::scan, body + request.to_bytes()));
}

ScanAnswer read_scan_answer(std::string_view rest) {
    std::uint8_t maildir = 0;
    std::uint8_t root = 0;
    if (!take(rest, maildir) || !take(rest, root)) return {};
    return {maildir != 0, root != 0, read_findings(rest)};
}

worker::Job release_uidl_job(const mail::MailRoot& root, const std::string& maildir, mail::UidlRules rules) {
    rules.accept_changes = true;
    worker::Job made = scan_job(root, maildir, false, rules);
    made.repeatable = false;
    made.abandonable = false;
    return made;
}

worker::Job open_job(const std::string& maildir, std::string_view file_name, bool in_new, std::uint64_t inode) {
    return repeatable(job(JobKind::open, mail::OpenRequest{maildir, std::string{file_name}, in_new, inode}.to_bytes()));
}

worker::Job read_job(int file, std::uint64_t offset, std::uint32_t octets) {
    std::string body;
    put(body, offset);
    put(body, octets);
    worker::Job made = repeatable(job(JobKind::read, std::move(body)));
    made.fd = file;
    return made;
}

worker::Job update_job(bool fsync, std::string_view request, int file) {
    std::string body;
    put(body, static_cast<std::uint8_t>(fsync));
    body += request;
    // A worker that died over it may have done some, or all: the second one ends that, and knows.
    worker::Job made = repeatable(job(JobKind::update, std::move(body)));
    made.fd = file;
    made.abandonable = false; // what QUIT asked for is done, whether anybody still listens or not
    made.update = true;
    return made;
}

worker::Job verify_job(std::string_view secret, std::string_view password) {
    std::string body;
    put(body, static_cast<std::uint32_t>(secret.size()));
    body += secret;
    body += password;
    return repeatable(job(JobKind::verify, std::move(body)));
}

worker::Job make_secret_job(std::string_view scheme, std::string_view password) {
    std::string body;
    put_text(body, scheme);
    body += password;
    return repeatable(job(JobKind::make_secret, std::move(body)));
}

worker::Job scram_job(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    std::string body;
    put(body, iterations);
    put(body, static_cast<std::uint32_t>(salt.size()));
    body += salt;
    body += password;
    return repeatable(job(JobKind::scram, std::move(body)));
}

worker::Job root_job(const mail::RootRequest& request) {
    return repeatable(job(JobKind::root, request.to_bytes()));
}

RootAnswer read_root_answer(worker::Answer answer) {
    const Answered said = read_answer(answer);
    RootAnswer read{said.why, {}};
    if (!said.why) read.opened = mail::OpenedRoot::from_bytes(said.rest, answer.fd.get());
    if (!read.opened) {
        const std::string at_fault{said.why ? said.rest : std::string_view{}};
        read.trouble =
            (at_fault.empty() ? "the mail root" : at_fault) + ": " + Locks::words_for(read.opened.error(), at_fault);
    }
    return read;
}

worker::Job watch_job(const std::string& path) {
    return repeatable(job(JobKind::watch, path));
}

worker::Job check_spec_job(std::string_view spec, std::string_view user) {
    std::string body;
    put_text(body, user);
    body += spec;
    return repeatable(job(JobKind::check_spec, std::move(body)));
}

worker::Job restore_job(const std::string& maildir, std::int64_t since) {
    std::string body;
    put(body, since);
    worker::Job made = job(JobKind::restore, body + maildir);
    made.abandonable = false;
    return made;
}

worker::Job search_job(const mail::SearchRequest& request) {
    return repeatable(job(JobKind::search, request.to_bytes()));
}

worker::Job record_job(const SessionRecords& records) {
    std::string body;
    for (const auto& [maildir, of_maildir] : records) put_records(body, maildir, of_maildir);
    worker::Job made = job(JobKind::record, std::move(body));
    made.abandonable = false;
    return made;
}

worker::Job report_job(const std::string& maildir, std::int64_t since) {
    std::string body;
    put(body, since);
    return repeatable(job(JobKind::report, body + maildir));
}

worker::Job expire_job(std::span<const std::string> maildirs, std::int64_t before) {
    std::string body;
    put(body, before);
    for (const std::string& maildir : maildirs) put_text(body, maildir);
    worker::Job made = job(JobKind::expire, std::move(body));
    made.abandonable = false;
    return made;
}

worker::Job edit_job(Edited what, const std::string& path, const Edits& edits) {
    std::string body;
    put(body, static_cast<std::uint8_t>(what));
    put_text(body, path);
    for (const auto& [name, values] : edits) {
        put_text(body, name);
        put(body, static_cast<std::uint32_t>(values.size()));
        for (const std::string& value : values) put_text(body, value);
    }
    worker::Job made = job(JobKind::edit, std::move(body));
    made.abandonable = false; // a manager who leaves meanwhile has asked for it all the same
    return made;
}

worker::Job store_job(const std::string& path, std::string_view content) {
    std::string body;
    put_text(body, path);
    body += content;
    worker::Job made = job(JobKind::store, std::move(body));
    made.abandonable = false;
    return made;
}

Found read_found(std::string_view rest) {
    if (rest.empty()) return {false, "an empty answer"};
    return {rest.front() == 'y', rest.substr(1)};
}

worker::Job config_job(const Options& before) {
    std::string body;
    for (const std::string& word : before.arguments) put_text(body, word);
    return repeatable(job(JobKind::config, std::move(body)));
}

ConfigFound read_config_found(std::string_view text) {
    ConfigFound found;
    for (std::string* part : {&found.text, &found.root, &found.root_problem}) (void)take_text(text, *part);
    return found;
}

worker::Job people_job(const People& people) {
    std::string body;
    put_text(body, people.option);
    put_text(body, people.file);
    put_text(body, people.programs_user);
    for (const auth::NamedSecret& one : people.named) {
        put_text(body, one.name);
        put_text(body, one.secret);
    }
    return repeatable(job(JobKind::people, std::move(body)));
}

worker::Job make_maildir_job(const mail::MailRoot& root, const std::string& maildir) {
    std::string body;
    put_root(body, root);
    return repeatable(job(JobKind::make_maildir, body + maildir));
}

} // namespace buzon::daemon
