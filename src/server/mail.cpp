#include "mail.h"

#include <cerrno>
#include <memory>

#include "buzon/config/options.h"
#include "buzon/jobs/jobs.h"
#include "buzon/maildir/open_root.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t snapshot_memory = 256u << 20; // octets of maildrop pictures kept for the next login

// A disk makes workers wait, not work: there may be more of them than processors. An update may take long, and a scan
// of a million messages too.
worker::Settings disk_settings(std::function<std::uint64_t(const std::string&)> locate) {
    worker::Settings settings;
    settings.arguments = {jobs::worker_name};
    settings.max_processes = Mail::max_workers;
    settings.time_limit = 30min;
    settings.kept_for_updates = 2;
    settings.hangs_after = 5s;
    settings.locate = std::move(locate);
    return settings;
}

// The one process that keeps locks on a file system that may hang. It has the time that this takes.
worker::Settings lock_settings(std::function<void()> on_loss) {
    worker::Settings settings;
    settings.arguments = {jobs::lock_worker_name};
    settings.max_processes = 1;
    settings.time_limit = 0ms;
    settings.max_queue = 1'000'000; // all sessions may end at once
    settings.on_loss = std::move(on_loss);
    return settings;
}

} // namespace

Mail::Mail(event::EventLoop& loop, state::Metrics& metrics, state::EventBus& events, auth::UserBase base,
           std::string path)
    : disk{loop, disk_settings([this](const std::string& place) { return maildrops.file_system_of(place); })}
    , maildrops{loop, disk, metrics, snapshot_memory}
    , users{std::move(base), std::move(path)}
    , root{loop, disk, locks, users, maildrops, events} {
    locks.keep_by(
        [this, &loop] { return std::make_unique<worker::Pool>(loop, lock_settings([this] { root.locks_lost(); })); });
}

void Mail::open() {
    std::string at_fault;
    auto opened = maildir::open_mail_root(message::RootRequest::to_choose(users.root()), at_fault);
    if (opened) return root.begin(std::move(opened).value(), {});
    const std::error_code why = opened.error();
    // Mail can be read and removed all the same, and only that helps a full disk.
    if (why.value() == ENOSPC || why.value() == EDQUOT) opened = maildir::open_without_locks(users.root());
    if (!opened) throw config::StartError(config::exit_code_for(why), at_fault, message::words_for(why, at_fault));
    root.begin(std::move(opened).value(), at_fault + " cannot be made: " + why.message());
}

} // namespace buzon::server
