#include "server.h"

#include <csignal>
#include <map>
#include <stdexcept>

#include "buzon/config/machine_name.h"
#include "buzon/config/uidl_settings.h"
#include "buzon/files/rules.h"
#include "buzon/files/start_files.h"
#include "confinement.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

worker::Settings hash_settings(keeper::Starter& starter, std::size_t processes) {
    worker::Settings settings;
    settings.starter = &starter;
    settings.child.role = keeper::Role::hash;
    settings.max_processes = processes;
    settings.time_limit = 10min;
    settings.processor_limit = 30s;
    return settings;
}

state::Settings with_host(state::Settings settings) {
    if (settings.host.empty()) settings.host = config::machine_name();
    return settings;
}

serve::Transform default_transform(const filter::FilterSpec& spec) {
    return serve::Transform{spec, !spec.empty()};
}

login::Logins::Programs login_programs(const config::Options& options) {
    return {options.checkpassword, options.password_program, options.token_program};
}

std::map<std::string, serve::Transform> transforms_for(const config::Options& options) {
    std::map<std::string, serve::Transform> own;
    for (const auto& [user, spec] : options.transform_for) own[user] = default_transform(spec);
    return own;
}

} // namespace

Server::Server(config::Options options, files::StartPeople people, std::string root, systemd::Handed handed,
               keeping::Birth birth)
    : options_{std::move(options)}
    , run_as_{files::run_as(options_)}
    , settings_{with_host(options_.settings)}
    , keeper_{loop_, std::move(birth.channel), [this] { keeper_lost(); }}
    , logging_{loop_, keeper_, metrics_, options_, settings_}
    , signals_{loop_, {SIGTERM, SIGINT, SIGHUP, SIGUSR1}, [this](int number) { on_signal(number); }}
    , notifier_{loop_, handed, [this] { return status_.text(event::Clock::now()); }}
    , hashes_{loop_, hash_settings(keeper_, max_hash_workers)}
    , quick_hashes_{loop_, hash_settings(keeper_, 1)}
    , mail_{loop_,
            keeper_,
            metrics_,
            logging_.events(),
            std::move(people.users),
            std::move(root),
            run_as_,
            [this](const auto& reach) { send_mail_plan(keeper_, options_, reach); }}
    , program_hosts_{loop_, keeper_}
    , login_hosts_{loop_, keeper_, mail_.disk.by_owner() ? keeper::Role::logins : keeper::Role::filters}
    , transforms_{loop_, program_hosts_, settings_, metrics_, mail_.users, logging_.events()}
    , logins_{loop_, program_hosts_, login_hosts_, settings_}
    , upkeep_{loop_,
              metrics_,
              settings_,
              logging_,
              mail_,
              logins_,
              options_.state_dir,
              [this]() -> const state::Metrics& { return services_.control().metrics(); }}
    , services_{services_needs(), std::move(people.administrators), *this}
    , ending_{loop_, logging_, services_, upkeep_}
    , reload_{mail_.files, mail_.openers, options_, *this}
    , users_watch_{loop_, mail_.files, logging_, options_, [this] { reload_.read_users(); }} {
    const bool local_managers = !options_.mgmt_paths.empty() || handed.sockets.contains("mgmt");
    send_plans(keeper_, options_, local_managers);
    send_rules(keeper_, options_, mail_.users.base().block(), local_managers);
    if (mail_.disk.by_owner()) {
        send_login_program(keeper_, options_);
        allow_mail();
    }
    mail_.open();
    logins_.use(login_programs(options_));
    transforms_.standard() = default_transform(options_.transform);
    transforms_.set_for_users(transforms_for(options_));
    confine_programs();
    transforms_.run_as(options_.transform_user);
    metrics_.start_time =
        static_cast<state::Count>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
    settings_changed();
    services_.open(std::move(handed));
    tell_of_sandbox(options_, logging_);
    tell_of_jail(options_, logging_);
    warn_of_options();
    upkeep_.begin(logging_);
    users_watch_.begin();
    if (!birth.last_end.empty()) logging_.warn("started again: the process that served " + birth.last_end);
}

// From then on, workers act as the owners of maildrops.
void Server::allow_mail() {
    auto users = message::seal_in_memfd(mail_.users.base().block().bytes(), "buzon-users");
    if (!users) throw std::system_error(users.error(), "users");
    const bool vouched = !options_.checkpassword.empty() || !options_.password_program.empty();
    keeper_.allow_mail(mail_.users.root(), vouched, std::move(users).value());
}

void Server::give_up() {
    confine_reactor(options_, run_as_, mail_.opens_messages() ? mail_.users.root() : std::string{});
}

ServicesNeeds Server::services_needs() {
    return {options_, settings_,   metrics_, loop_,   keeper_, logging_.events(), {hashes_, quick_hashes_},
            mail_,    transforms_, logins_,  upkeep_, keeper_};
}

void Server::run(std::function<void()> complete) {
    logging_.publish(
        state::EventType::server,
        {{"action", "started"}, {"port", services_.pop3().port()}, {"mgmt-port", services_.manage_port()}});
    keeper_.ready();
    services_.when_complete([this, complete = std::move(complete)] {
        complete();
        notifier_.ready();
    });
    loop_.run();
    if (keeper_lost_) throw std::runtime_error("the process that starts the workers has gone");
    logging_.publish(state::EventType::server, {{"action", "stopped"}});
}

void Server::on_signal(int number) {
    if (number == SIGUSR1) return logging_.reopen(mail_.files);
    if (number == SIGHUP) {
        notifier_.reloading();
        return reload_.read_all();
    }
    notifier_.stopping();
    ending_.stop();
}

void Server::drain() {
    notifier_.stopping();
    ending_.drain();
}

// Nothing can be served without it: another start makes both anew.
void Server::keeper_lost() {
    keeper_lost_ = true;
    loop_.stop();
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
    notifier_.ready();
}

// What managers have changed stays.
void Server::take_users(auth::UserBase users) {
    users.repeat_changes_of(mail_.users.base());
    mail_.users.replace(std::move(users));
    mail_.users_changed();
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
    keep_login_program(fresh.options);
    logins_.use(login_programs(fresh.options));
    services_.renew_tls(fresh.options);
    take_settings(fresh.options.settings);
    warn_of_what_waits_for_a_restart(fresh.options);
    const bool other_file = fresh.options.users_file != options_.users_file;
    options_ = std::move(fresh.options);
    confine_programs();
    transforms_.processes().retire_all(); // their own files may have changed, too
    if (other_file) users_watch_.file_changed();
    settings_changed();
    warn_of_broken_users();
    tell_of_reading("files");
    notifier_.ready();
}

// Root's program stays the one that the keeper was told of before strangers were served.
void Server::keep_login_program(config::Options& fresh) {
    if (!mail_.disk.by_owner()) return;
    if (fresh.checkpassword != options_.checkpassword || fresh.password_program != options_.password_program)
        logging_.warn("checkpassword: the change takes effect after a restart");
    fresh.checkpassword = options_.checkpassword;
    fresh.password_program = options_.password_program;
}

void Server::confine_programs() {
    transforms_.confine(files::jail_of(options_));
    transforms_.allow(options_.transform_allow);
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
    warn(fresh.log_file != options_.log_file, "log-file");
    warn(fresh.tls.port != options_.tls.port, "tls-port");
    warn(fresh.tls.certificate.empty() != options_.tls.certificate.empty(), "tls-cert");
    warn(fresh.transform_user != options_.transform_user, "transform-user");
    warn(fresh.run_as != options_.run_as, "run-as");
    warn(fresh.sandbox != options_.sandbox, "sandbox");
}

void Server::warn_of_broken_users() {
    for (const std::string& line : config::warnings_of(mail_.users.base(), options_.users_file)) logging_.warn(line);
}

void Server::warn_of_options() {
    if (settings_.timeout < 600s) logging_.warn("--timeout is below the 600 seconds that RFC 1939 section 3 requires");
    const bool network = options_.addresses.empty() || std::any_of(options_.addresses.begin(), options_.addresses.end(),
                                                                   [](const net::Ip& ip) { return !ip.is_loopback(); });
    if (network && !settings_.require_tls)
        logging_.say(state::Level::notice, "without --require-tls, passwords may come in clear text over the network");
    if (mail_.users.base().size() == 0 && !options_.asks_programs())
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
    mail_.users.allow_folders(settings_.folders);
    services_.settings_changed();
}

} // namespace buzon::server
