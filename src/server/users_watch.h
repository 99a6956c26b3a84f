// server/users_watch.h - watches the users file named by the options, or the new file if they name another one.
#pragma once

#include <functional>

#include "buzon/config/file_watch.h"
#include "buzon/config/options.h"
#include "buzon/worker/pool.h"
#include "logging.h"

namespace buzon::server {

class UsersWatch {
public:
    // `changed` is called when the file has changed, or may have.
    UsersWatch(event::EventLoop& loop, worker::Pool& files, Logging& logging, const config::Options& options,
               std::function<void()> changed)
        : files_{files}, logging_{logging}, options_{options}, changed_{std::move(changed)}, watch_{loop, changed_} {}
    UsersWatch(const UsersWatch&) = delete;
    UsersWatch& operator=(const UsersWatch&) = delete;

    // For startup. Blocks on the disk.
    void begin();
    // The options name another file. A worker starts watching it.
    void file_changed();
    // Calls `changed` in a moment.
    void look_again() { watch_.settle(); }

private:
    void start(posix::Result<config::FileWatch::Notices> notices);

    worker::Pool& files_;
    Logging& logging_;
    const config::Options& options_;
    std::function<void()> changed_;
    config::FileWatch watch_;
    worker::Pending looking_; // the job that starts watching another file
};

} // namespace buzon::server
