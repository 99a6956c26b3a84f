// server/mail.h - the mail root and what is kept of it in memory: its users, their maildrops and locks, and the workers
// that go to its disk.
#pragma once

#include <string>

#include "buzon/login/locks.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/worker/pool.h"

namespace buzon::server {

// Declared in the order of use: workers ask the maildrops where a job goes, the root's keeper asks all of them.
struct Mail {
    static constexpr std::size_t max_workers = 16; // for the disk

    Mail(event::EventLoop& loop, state::Metrics& metrics, state::EventBus& events, auth::UserBase base,
         std::string path);
    Mail(const Mail&) = delete;
    Mail& operator=(const Mail&) = delete;

    // Opens the mail root before anybody is served: waits for the disk. Throws StartError.
    void open();

    worker::Pool disk;
    login::Maildrops maildrops;
    login::Locks locks;
    login::Users users;
    login::RootKeeper root;
};

} // namespace buzon::server
