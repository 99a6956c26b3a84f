#include "server.h"

#include <csignal>
#include <stdexcept>

#include "buzon/config/uidl_settings.h"
#include "buzon/files/start_files.h"
#include "confinement.h"
#include "status_line.h"

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

} // namespace

Server::Server(config::Options options, files::StartPeople people, std::string root, systemd::Handed handed,
               keeping::Birth birth)
    : options_{std::move(options)}
    , settings_{settings_of(options_)}
    , keeper_{loop_, std::move(birth.channel), [this] { keeper_lost(); }}
    , logging_{loop_, keeper_, metrics_, options_, settings_}
    , signals_{loop_, {SIGTERM, SIGINT, SIGHUP, SIGUSR1}, [this](int number) { on_signal(number); }}
    , notifier_{loop_, handed, [line = StatusLine{metrics_}]() mutable { return line.text(event::Clock::now()); }}
    , hashes_{loop_, hash_settings(keeper_, max_hash_workers)}
    , quick_hashes_{loop_, hash_settings(keeper_, 1)}
    , mail_{loop_,
            keeper_,
            metrics_,
            logging_.events(),
            std::move(people.users),
            std::move(root),
            files::run_as(options_),
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
    , files_{{options_, settings_, loop_, logging_, notifier_, mail_, program_hosts_, login_hosts_, transforms_,
              logins_, services_, *this}} {
    const bool local_managers = !options_.mgmt_paths.empty() || handed.sockets.contains("mgmt");
    send_plans(keeper_, options_, local_managers);
    send_rules(keeper_, options_, mail_.users.base().block(), local_managers);
    if (mail_.disk.by_owner()) {
        send_login_program(keeper_, options_);
        allow_mail();
    }
    mail_.open();
    files_.use_programs();
    transforms_.run_as(options_.transform_user);
    metrics_.start_time =
        static_cast<state::Count>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
    settings_changed();
    services_.open(std::move(handed));
    tell_of_sandbox(options_, logging_);
    tell_of_jail(options_, logging_);
    upkeep_.begin(logging_);
    files_.begin();
    if (!birth.last_end.empty()) logging_.warn("started again: the process that served " + birth.last_end);
}

// From now on, workers act as the owners of maildrops.
void Server::allow_mail() {
    auto users = message::seal_in_memfd(mail_.users.base().block().bytes(), "buzon-users");
    if (!users) throw std::system_error(users.error(), "users");
    const bool vouched = !options_.checkpassword.empty() || !options_.password_program.empty();
    keeper_.allow_mail(mail_.users.root(), vouched, std::move(users).value());
}

void Server::give_up() {
    confine_reactor(options_, mail_.run_as(), mail_.opens_messages() ? mail_.users.root() : std::string{});
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
    if (keeper_lost_) throw std::runtime_error("the process that starts the workers is gone");
    notifier_.stopping(); // after DRAIN, only now
    logging_.publish(state::EventType::server, {{"action", "stopped"}});
}

void Server::on_signal(int number) {
    if (number == SIGUSR1) return logging_.reopen(mail_.files);
    if (number == SIGHUP) {
        notifier_.reloading();
        return files_.read_again();
    }
    notifier_.stopping();
    ending_.stop();
}

void Server::drain() {
    // run() sends STOPPING=1 at the end: after it, systemd would kill the sessions when TimeoutStopSec has passed.
    ending_.drain();
}

// Nothing can be served without the keeper, so the server ends. A restart creates both again.
void Server::keeper_lost() {
    keeper_lost_ = true;
    loop_.stop();
}

// Updates everything that is derived from the settings and the users.
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
