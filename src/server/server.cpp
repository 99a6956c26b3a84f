#include "server.h"

#include <unistd.h>

#include <csignal>
#include <map>

#include "buzon/config/uidl_settings.h"
#include "buzon/files/start_files.h"
#include "buzon/jobs/jobs.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

worker::Settings hash_settings() {
    worker::Settings settings;
    settings.arguments = {jobs::hash_worker_name};
    settings.max_processes = max_hash_workers;
    settings.time_limit = 10min;
    settings.processor_limit = 30s;
    return settings;
}

state::Settings with_host(state::Settings settings) {
    if (!settings.host.empty()) return settings;
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) == 0 && state::is_host_name(name)) settings.host = name;
    if (settings.host.empty()) settings.host = "localhost";
    return settings;
}

serve::Transform default_transform(const filter::FilterSpec& spec) {
    return serve::Transform{spec, !spec.empty()};
}

std::map<std::string, serve::Transform> transforms_for(const config::Options& options) {
    std::map<std::string, serve::Transform> own;
    for (const auto& [user, spec] : options.transform_for) own[user] = default_transform(spec);
    return own;
}

} // namespace

Server::Server(config::Options options, auth::UserBase users, std::string root)
    : options_{std::move(options)}
    , settings_{with_host(options_.settings)}
    , logging_{loop_, metrics_, options_, settings_}
    , signals_{loop_, {SIGTERM, SIGINT, SIGHUP}, [this](int number) { on_signal(number); }}
    , hashes_{loop_, hash_settings()}
    , mail_{loop_, metrics_, logging_.events(), std::move(users), std::move(root)}
    , transforms_{loop_, settings_, mail_.users, logging_.events()}
    , logins_{loop_, settings_, options_.checkpassword}
    , upkeep_{loop_,
              metrics_,
              settings_,
              logging_,
              mail_,
              logins_,
              options_.state_dir,
              [this]() -> const state::Metrics& { return services_.control().metrics(); }}
    , services_{services_needs(), *this}
    , ending_{loop_, logging_, services_, upkeep_}
    , reload_{mail_.disk, options_, *this}
    , users_watch_{loop_, mail_.disk, logging_, options_, [this] { reload_.read_users(); }} {
    mail_.open();
    transforms_.standard() = default_transform(options_.transform);
    transforms_.set_for_users(transforms_for(options_));
    if (!options_.transform_user.empty()) transforms_.run_as(files::programs_user(options_.transform_user));
    metrics_.start_time =
        static_cast<state::Count>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
    settings_changed();
    services_.open();
    warn_of_options();
    upkeep_.begin(logging_);
    users_watch_.begin();
}

ServicesNeeds Server::services_needs() {
    return {options_, settings_, metrics_, loop_, logging_.events(), hashes_, mail_, transforms_, logins_, upkeep_};
}

void Server::run() {
    logging_.publish(
        state::EventType::server,
        {{"action", "started"}, {"port", services_.pop3().port()}, {"mgmt-port", services_.manage_port()}});
    loop_.run();
    logging_.publish(state::EventType::server, {{"action", "stopped"}});
}

void Server::on_signal(int number) {
    if (number == SIGHUP) return reload_.read_all();
    ending_.stop();
}

void Server::users_read(auth::UserBase users) {
    take_users(std::move(users));
    settings_changed();
    warn_of_broken_users();
    tell_of_reading("users");
}

void Server::users_not_read(const std::string& why) {
    logging_.say(state::Level::error, "users not reloaded, nothing has changed: " + why);
}

void Server::files_not_read(const std::string& why) {
    logging_.say(state::Level::error, "not reloaded, nothing has changed: " + why);
}

// What managers have changed stays.
void Server::take_users(auth::UserBase users) {
    users.repeat_changes_of(mail_.users.base());
    mail_.users.replace(std::move(users));
    logins_.users_changed();
}

bool Server::wants_root(const config::FreshFiles& fresh) const {
    return fresh.options.path != options_.path && !services_.control().has_changed("path") &&
           fresh.root != mail_.users.root();
}

// Whatever can be wrong has been found before anything changes.
void Server::files_read(config::FreshFiles fresh) {
    if (fresh.opened) mail_.root.use(std::move(*fresh.opened));
    take_users(std::move(fresh.users));
    services_.administrators().replace(std::move(fresh.administrators));
    transforms_.set_for_users(transforms_for(fresh.options));
    if (!services_.control().has_changed("transform"))
        transforms_.standard() = default_transform(fresh.options.transform);
    services_.pop3().set_fronts(fresh.options.proxy_from);
    logins_.checkpassword().use(fresh.options.checkpassword);
    take_settings(fresh.options.settings);
    warn_of_what_waits_for_a_restart(fresh.options);
    const bool other_file = fresh.options.users_file != options_.users_file;
    options_ = std::move(fresh.options);
    if (other_file) users_watch_.file_changed();
    settings_changed();
    warn_of_broken_users();
    tell_of_reading("files");
}

void Server::take_settings(const state::Settings& fresh) {
    const state::Settings named = with_host(fresh);
    for (const state::SettingField& field : state::setting_fields()) {
        if (services_.control().has_changed(std::string{field.name})) continue;
        (void)state::change_setting(settings_, field.name, state::print_setting(named, field));
    }
}

void Server::warn_of_what_waits_for_a_restart(const config::Options& fresh) {
    const auto warn = [this](bool changed, const char* option) {
        if (changed) logging_.warn(std::string{option} + ": the change takes effect after a restart");
    };
    warn(fresh.port != options_.port, "port");
    warn(fresh.addresses != options_.addresses, "ip");
    warn(fresh.mgmt_port != options_.mgmt_port, "mgmt-port");
    warn(fresh.mgmt_addresses != options_.mgmt_addresses || fresh.mgmt_paths != options_.mgmt_paths, "mgmt-ip");
    warn(fresh.metrics != options_.metrics, "metrics");
    warn(fresh.state_dir != options_.state_dir, "state");
    warn(fresh.log_socket != options_.log_socket, "log-socket");
    warn(fresh.transform_user != options_.transform_user, "transform-user");
}

void Server::warn_of_broken_users() {
    for (const std::string& line : config::warnings_of(mail_.users.base(), options_.users_file)) logging_.warn(line);
}

void Server::warn_of_options() {
    if (settings_.timeout < 600s) logging_.warn("--timeout is below the 600 seconds that RFC 1939 section 3 requires");
    if (mail_.users.base().size() == 0 && options_.checkpassword.empty())
        logging_.warn("there are no users: nobody can log in");
    warn_of_broken_users();
}

void Server::tell_of_reading(const char* what) {
    logging_.publish(state::EventType::config, {{"what", what}, {"users", mail_.users.base().size()}});
}

// Brings what is derived from the settings and the users up to date.
void Server::settings_changed() {
    logging_.settings_changed();
    mail_.maildrops.use(config::uidl_rules(settings_));
    upkeep_.trash.settings_changed();
    transforms_.refresh();
    logins_.refresh();
    services_.settings_changed();
}

} // namespace buzon::server
