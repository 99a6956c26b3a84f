// server/mail.h - the mail root and its state in memory: users, maildrops and locks, and the workers that access its
// disk.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/login/locks.h"
#include "buzon/login/mail_folders.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/sandbox/landlock.h"
#include "buzon/worker/pool.h"

namespace buzon::server {

// The members are in the order of use: workers ask the maildrops which file system a job is on, and the RootKeeper uses
// all the others.
struct Mail {
    static constexpr std::size_t max_workers = 16; // for the disk
    static constexpr std::size_t max_openers = 4;
    static constexpr std::size_t max_file_workers = 4;
    static constexpr std::size_t max_warm = 64; // additional idle workers, each for one maildrop

    // run_as: the user that this process will become; the keeper then has each maildrop served by a process that runs
    // as its owner. Unsaid: there is no such keeper. tell: called with what shared workers may reach if they are
    // started from then on.
    using Tell = std::function<void(const std::vector<sandbox::Allowed>&)>;
    Mail(event::EventLoop& loop, keeper::Starter& starter, state::Metrics& metrics, state::EventBus& events,
         auth::UserBase base, std::string path, const posix::Ids& run_as, Tell tell);
    Mail(const Mail&) = delete;
    Mail& operator=(const Mail&) = delete;

    // Opens the mail root at startup, before anybody is served. Blocks on the disk. Throws StartError.
    void open();

    [[nodiscard]] const posix::Ids& run_as() const noexcept { return run_as_; }

    // The users have changed, so their mail may be elsewhere.
    void users_changed() { renew_workers(false); }

    // Whether a maildrop needs a worker of its own.
    [[nodiscard]] bool needs_worker_alone(const std::string& maildir, const posix::Ids& owner) const;

    // Whether this process itself opens messages below the mail root.
    [[nodiscard]] bool opens_messages() const noexcept { return !disk.by_owner() || owner_.uid == run_as_.uid; }

    worker::Pool disk;
    worker::Pool openers; // of mail roots
    worker::Pool files;   // for the operator's files, not for mail
    login::Maildrops maildrops;
    login::Locks locks;
    login::Users users;
    login::RootKeeper root;

private:
    // always: replace the workers even if they may reach the same paths as before, since something else may be there
    // now.
    void renew_workers(bool always);
    [[nodiscard]] std::vector<sandbox::Allowed> reach_of_shared();

    const posix::Ids run_as_;
    Tell tell_;
    login::MailFolders folders_; // the folders that hold all mail
    std::vector<sandbox::Allowed> reach_;
    posix::Ids owner_; // of the mail root
};

} // namespace buzon::server
