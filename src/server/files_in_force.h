// server/files_in_force.h - puts the operator's files in force: programs at startup, everything after a reload
// (SIGHUP), and users when their file changes. Changes made by managers stay.
#pragma once

#include <string>

#include "buzon/config/options.h"
#include "buzon/config/reload.h"
#include "buzon/filter/hosts.h"
#include "buzon/login/logins.h"
#include "buzon/serve/transforms.h"
#include "buzon/systemd/notifier.h"
#include "logging.h"
#include "mail.h"
#include "services.h"
#include "users_watch.h"

namespace buzon::server {

// The settings in the options, with this machine's name as the host unless they give one.
[[nodiscard]] state::Settings settings_of(const config::Options& options);

// What FilesInForce changes. All of it must outlive FilesInForce.
struct FilesNeeds {
    config::Options& options;
    state::Settings& settings;
    event::EventLoop& loop;
    Logging& logging;
    systemd::Notifier& notifier;
    Mail& mail;
    filter::Hosts& program_hosts;
    filter::Hosts& login_hosts;
    serve::Transforms& transforms;
    login::Logins& logins;
    Services& services;
    admin::ServerHooks& hooks;
};

class FilesInForce final : private config::ReloadEvents {
public:
    explicit FilesInForce(const FilesNeeds& needs);
    FilesInForce(const FilesInForce&) = delete;
    FilesInForce& operator=(const FilesInForce&) = delete;

    // Puts the programs of the options in force.
    void use_programs();
    // Warns about questionable options and begins to watch the users file. Blocks on the disk.
    void begin();

    void read_again() { reload_.read_all(); }
    // We have just written one of the files.
    void file_written() { reload_.file_written(); }

private:
    [[nodiscard]] bool wants_root(const config::FreshFiles& fresh) const override;
    void users_read(auth::UserBase users) override;
    void users_not_read(const std::string& why) override;
    void users_not_settled() override { users_watch_.look_again(); }
    void files_read(config::FreshFiles fresh) override;
    void files_not_read(const std::string& why) override;
    void renew_hosts() noexcept;
    void take_users(auth::UserBase users);
    void take_settings(const config::Options& fresh);
    void keep_login_program(config::Options& fresh);
    void warn_of_users();
    void tell_of_reading(const char* what);

    FilesNeeds needs_;
    config::Reload reload_;
    UsersWatch users_watch_;
};

} // namespace buzon::server
