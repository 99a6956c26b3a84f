#include "mail.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "buzon/config/options.h"
#include "buzon/jobs/jobs.h"
#include "buzon/maildir/open_root.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t snapshot_memory = 256u << 20; // octets of maildrop snapshots kept for later logins

using Locate = std::function<std::uint64_t(const std::string&)>; // maps a path to its file system
using Alone = std::function<bool(const std::string&, const posix::Ids&)>;

// Disk workers mostly wait, so there may be more of them than processors. An update may take long, and so may a scan of
// a million messages.
worker::Settings disk_settings(keeper::Starter& starter, Locate locate, Alone alone, bool by_owner) {
    worker::Settings settings;
    settings.starter = &starter;
    settings.max_processes = Mail::max_workers;
    settings.time_limit = 30min;
    settings.max_queue = 8192; // at most half of it for one file system
    settings.kept_for_updates = 2;
    settings.hangs_after = 5s;
    settings.locate = std::move(locate);
    settings.alone = std::move(alone);
    settings.by_owner = by_owner;
    settings.max_warm = Mail::max_warm;
    return settings;
}

worker::Settings files_settings(keeper::Starter& starter, Locate locate) {
    worker::Settings settings;
    settings.starter = &starter;
    settings.child.role = keeper::Role::files;
    settings.max_processes = Mail::max_file_workers;
    settings.time_limit = 30min;
    settings.hangs_after = 5s;
    settings.locate = std::move(locate);
    return settings;
}

// Each worker does one job only, because it can reach only what was at that path when it was started.
worker::Settings opener_settings(keeper::Starter& starter, Locate locate) {
    worker::Settings settings;
    settings.starter = &starter;
    settings.max_processes = Mail::max_openers;
    settings.time_limit = 30min;
    settings.hangs_after = 5s;
    settings.locate = std::move(locate);
    settings.one_job = true;
    return settings;
}

// The one process that keeps locks on a file system that may hang. Its jobs have no time limit.
worker::Settings lock_settings(keeper::Starter& starter, const std::string& root, std::function<void()> on_loss) {
    worker::Settings settings;
    settings.starter = &starter;
    settings.child.role = keeper::Role::locks;
    settings.child.maildir = root;
    settings.max_processes = 1;
    settings.time_limit = 0ms;
    settings.max_queue = 1'000'000; // all sessions may end at once
    settings.on_loss = std::move(on_loss);
    return settings;
}

} // namespace

Mail::Mail(event::EventLoop& loop, keeper::Starter& starter, state::Metrics& metrics, state::EventBus& events,
           auth::UserBase base, std::string path, const posix::Ids& run_as, Tell tell)
    : disk{loop, disk_settings(
                     starter, [this](const std::string& place) { return maildrops.file_system_of(place); },
                     [this](const std::string& maildir, const posix::Ids& owner) {
                         return needs_worker_alone(maildir, owner);
                     },
                     run_as != posix::Ids{})}
    , openers{loop,
              opener_settings(starter, [this](const std::string& place) { return maildrops.file_system_of(place); })}
    , files{loop, files_settings(starter, [this](const std::string& place) { return maildrops.file_system_of(place); })}
    , maildrops{loop, disk, metrics, snapshot_memory}
    , users{std::move(base), std::move(path)}
    , root{loop, openers, locks, users, maildrops, events}
    , run_as_{run_as}
    , tell_{std::move(tell)} {
    root.on_root([this] { renew_workers(true); });
    locks.keep_by([this, &loop, &starter] {
        return std::make_unique<worker::Pool>(loop,
                                              lock_settings(starter, users.root(), [this] { root.locks_lost(); }));
    });
}

// A shared worker that acts as the owner of the mail root needs nothing outside the mail root.
std::vector<sandbox::Allowed> Mail::reach_of_shared() {
    login::MailFolders mail, lists;
    mail.add(users.root());
    auth::UserBase::Place at;
    while (const auto user = disk.by_owner() ? std::nullopt : users.base().next(at)) {
        if (!user->maildir.empty()) mail.add(user->maildir);
        if (!user->control.empty()) lists.add(user->control);
    }
    folders_ = std::move(mail);
    std::vector<sandbox::Allowed> all;
    for (const std::string& one : folders_.all()) all.push_back({one, sandbox::Access::write});
    for (const std::string& one : lists.all()) all.push_back({one, sandbox::Access::read});
    return all;
}

void Mail::renew_workers(bool always) {
    std::vector<sandbox::Allowed> reach = reach_of_shared();
    if (!always && reach == reach_) return;
    reach_ = std::move(reach);
    if (disk.by_owner()) return disk.renew(users.root()); // the keeper knows the rest
    tell_(reach_);
    disk.renew({});
}

// A shared worker notices by itself if a link leads out of its reach. If it acts as the owner of the mail root, it also
// notices if a maildrop below the mail root belongs to somebody else.
bool Mail::needs_worker_alone(const std::string& maildir, const posix::Ids& owner) const {
    if (!folders_.contain(maildir)) return true;
    if (!disk.by_owner() || maildir == users.root()) return false;
    if (owner.uid == posix::Ids::unsaid) return owner.gid != posix::Ids::unsaid;
    return owner.uid != owner_.uid || (owner.gid != posix::Ids::unsaid && owner.gid != owner_.gid);
}

void Mail::open() {
    std::string at_fault;
    auto opened = maildir::open_mail_root(message::RootRequest::to_choose(users.root()), at_fault);
    struct stat about {};
    if (::stat(users.root().c_str(), &about) == 0) owner_ = {about.st_uid, about.st_gid};
    if (!opens_messages()) maildrops.touch_none();
    if (opened && disk.by_owner()) {
        if (const std::error_code why = maildir::give_locks_to_owner(users.root()))
            throw config::StartError(config::exit_code_for(why), users.root() + "/buzon-locks", why.message());
    }
    if (opened) return root.begin(std::move(opened).value(), {});
    const std::error_code why = opened.error();
    // On a full disk, mail can still be read and deleted, and deleting is the only remedy.
    if (why.value() == ENOSPC || why.value() == EDQUOT) opened = maildir::open_without_locks(users.root());
    if (!opened) throw config::StartError(config::exit_code_for(why), at_fault, message::words_for(why, at_fault));
    root.begin(std::move(opened).value(), at_fault + " cannot be made: " + why.message());
}

} // namespace buzon::server
