// login/logging_in.h - everything logins need, without a server around them: users, a mail root, fake workers, real
// programs. Nothing happens unless the test makes it happen.
#pragma once

#include "buzon/login/locks.h"
#include "buzon/login/login_needs.h"
#include "buzon/login/logins.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/maildir/open_root.h"
#include "buzon/upkeep/reports.h"
#include "support/catch.h"
#include "support/forking_starter.h"
#include "support/mail.h"
#include "support/pretended_workers.h"
#include "support/temp_directory.h"
#include "support/vaults.h"

namespace buzon::login {

// user1:pass1 and user2:pass2 with plain passwords, and slow:pass1 with a hash that takes a worker to check.
inline auth::UserBase three_users() {
    const std::vector<auth::NamedSecret> named = {
        {"user1", "{PLAIN}pass1"},
        {"user2", "{PLAIN}pass2"},
        {"slow", "{SHA256-CRYPT}$5$rounds=1000$abcdefgh$ADeh1gxB3T54fnqtERuN014x383McWuWa/zYpSNaNQ6"}};
    return test::users_with_vault(named, "");
}

struct LoggingIn {
    explicit LoggingIn(auth::UserBase base = three_users()) : users{std::move(base), root} {
        settings.no_fsync = true;
        std::filesystem::create_directory(root);
        std::string at_fault;
        keeper.begin(maildir::open_mail_root(message::RootRequest::to_choose(root), at_fault).value(), {});
    }

    test::TempDirectory directory;
    std::string root = directory / "mail";
    event::EventLoop loop;
    state::Settings settings;
    state::Metrics metrics;
    state::Log log;
    state::EventBus events{log};
    test::PretendedWorkers disk{loop};
    test::PretendedWorkers hashes{loop};
    Maildrops maildrops{loop, disk, metrics, 1u << 20};
    Locks locks;
    Users users;
    RootKeeper keeper{loop, disk, locks, users, maildrops, events};
    test::ForkingStarter starter;
    filter::Hosts hosts{loop, starter};
    Logins logins{loop, hosts, hosts, settings};
    upkeep::Reports reports{loop, disk, settings};
    LoginNeeds login_needs{loop,  settings, metrics, events, {hashes, hashes}, maildrops,
                           locks, keeper,   users,   logins, reports};

    [[nodiscard]] test::Maildir maildir(const std::string& user = "user1") const {
        return test::Maildir{root + "/" + user};
    }
};

} // namespace buzon::login
