#include "server.h"

#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "buzon/config/uidl_settings.h"
#include "buzon/event/memory.h"
#include "buzon/files/notices.h"
#include "buzon/jobs/jobs.h"
#include "buzon/manage/prometheus.h"
#include "buzon/posix/io.h"
#include "root_at_start.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t snapshot_memory = 256u << 20; // octets of maildrop pictures kept for the next login
constexpr auto time_for_last_replies = 8s;          // whoever stops a server gives it 10

constexpr std::size_t disk_workers = 16;
constexpr std::size_t hash_workers = 2;

// Held whatever the clients do: lock files, two for each worker, the loop, listeners, signals, the guard and the places
// of programs that start.
constexpr std::size_t descriptors_of_ours = local::LockFiles::count + 2 * (disk_workers + hash_workers) + 28;
// Enough for 48 connections and as many messages, kept listings and pipes.
constexpr std::size_t fewest_descriptors = descriptors_of_ours + 96;

worker::Settings worker_settings(const char* name, std::size_t processes, std::chrono::milliseconds time_limit,
                                 std::chrono::milliseconds processor_limit = 0ms) {
    worker::Settings settings;
    settings.arguments = {name};
    settings.max_processes = processes;
    settings.time_limit = time_limit;
    settings.processor_limit = processor_limit;
    return settings;
}

// A disk makes workers wait, not work: there may be more of them than processors. An update may take long, and a scan
// of a million messages too.
worker::Settings disk_settings(std::function<std::uint64_t(const std::string&)> locate) {
    worker::Settings settings = worker_settings(jobs::worker_name, disk_workers, 30min);
    settings.kept_for_updates = 2;
    settings.hangs_after = 5s;
    settings.locate = std::move(locate);
    return settings;
}

// The one process that keeps locks on a file system that may hang. It has the time that this takes.
worker::Settings lock_settings(std::function<void()> on_loss) {
    worker::Settings settings = worker_settings(jobs::lock_worker_name, 1, 0ms);
    settings.max_queue = 1'000'000; // all sessions may end at once
    settings.on_loss = std::move(on_loss);
    return settings;
}

// As many descriptors as we may have. Gives how many connections they are enough for: each needs one, and some stay for
// messages, pipes, locks and workers, shared by all.
std::size_t connections_for_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto descriptors = static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1'000'000));
    if (descriptors < fewest_descriptors) {
        throw config::StartError(EX_OSERR, "open files",
                                 "the limit is " + std::to_string(descriptors) + ", and " +
                                     std::to_string(fewest_descriptors) + " are needed (ulimit -n, LimitNOFILE)");
    }
    const std::size_t left = descriptors - descriptors_of_ours;
    const std::size_t reserve = std::clamp<std::size_t>(descriptors / 24, 64, 900);
    return left > 2 * reserve ? left - reserve : left / 2;
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
    , log_writer_{loop_, metrics_, STDERR_FILENO,
                  [this](const std::string& message) { log(state::Level::warning, message); }}
    , log_{log_sink(), state::LogOrigin{settings_.host, static_cast<std::uint64_t>(::getpid())}}
    , events_{log_}
    , signals_{loop_, {SIGTERM, SIGINT, SIGHUP}, [this](int number) { on_signal(number); }}
    , disk_{loop_, disk_settings([this](const std::string& place) { return maildrops_.file_system_of(place); })}
    , hashes_{loop_, worker_settings(jobs::hash_worker_name, hash_workers, 10min, 30s)}
    , maildrops_{loop_, disk_, metrics_, snapshot_memory}
    , users_{std::move(users), std::move(root)}
    , transforms_{loop_, settings_, users_, events_}
    , logins_{loop_, settings_, options_.checkpassword}
    , pop3_{{loop_,
             settings_,
             pop3_settings_,
             metrics_,
             events_,
             room_,
             disk_,
             listings_,
             reports_,
             {loop_, settings_, metrics_, events_, hashes_, maildrops_, locks_, root_, users_, logins_, reports_},
             {loop_, settings_, metrics_, events_, disk_, transforms_, file_room_},
             {loop_, settings_, metrics_, events_, disk_, trash_}},
            connections_for_descriptors(),
            options_.proxy_from}
    , administrators_{files::load(config::administrators_of(options_)), hashes_, event::Clock::now()}
    , history_{loop_, disk_, events_, options_.state_dir,
               [this]() -> const state::Metrics& { return control_.metrics(); }}
    , delay_keeper_{loop_, disk_, settings_, logins_.delays(), events_, options_.state_dir}
    , control_{{loop_, metrics_, events_, disk_, hashes_, root_, users_, transforms_, logins_},
               settings_,
               options_,
               pop3_,
               *this,
               administrators_,
               history_}
    , manage_{{loop_, settings_, room_, control_, control_}, metrics_}
    , http_{loop_, room_, [this] { return manage::prometheus_page(control_.metrics()); }}
    , users_watch_{loop_, [this] { reload_.read_users(); }} {
    locks_.keep_by(
        [this] { return std::make_unique<worker::Pool>(loop_, lock_settings([this] { root_.locks_lost(); })); });
    RootAtStart opened = open_root_at_start(users_.root());
    root_.begin(std::move(opened.root), opened.why_without_locks);
    transforms_.standard() = default_transform(options_.transform);
    transforms_.set_for_users(transforms_for(options_));
    if (!options_.transform_user.empty()) transforms_.run_as(files::programs_user(options_.transform_user));
    metrics_.start_time =
        static_cast<state::Count>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
    settings_changed();
    open_services();
    history_.begin();
    delay_keeper_.begin();
    lag_.begin();
    if (!options_.users_file.empty()) watch_users(files::watch_for_changes(options_.users_file));
}

Server::~Server() = default;

state::LogSink* Server::log_sink() {
    if (options_.log_socket.empty()) return &log_writer_;
    return &syslog_.emplace(loop_, metrics_, options_.log_socket,
                            [this](const std::string& message) { log(state::Level::warning, message); });
}

void Server::open_services() {
    std::string failed;
    if (const std::error_code why = pop3_.open(options_.addresses, options_.port, failed)) {
        throw config::StartError(config::exit_code_for(why), failed, why.message());
    }
    std::vector<admin::ManageService::Where> where;
    const auto add = [&](const net::Ip& ip, bool optional) {
        const net::Endpoint endpoint{ip, options_.mgmt_port, 0};
        where.push_back({endpoint, endpoint.text(), optional});
    };
    for (const net::Ip& ip : options_.mgmt_addresses) add(ip, false);
    for (const std::string& path : options_.mgmt_paths) where.push_back({net::UnixPath{path}, path, false});
    if (where.empty()) {
        add(net::Ip::from_v4(0x7f000001), false);
        add(*net::Ip::parse("::1"), true); // a machine without IPv6 has none
    }
    if (const std::error_code why = manage_.open(where, failed))
        throw config::StartError(config::exit_code_for(why), failed, why.message());
    if (const std::error_code why = http_.open(options_.metrics, failed))
        throw config::StartError(config::exit_code_for(why), failed, why.message());
    for (const std::error_code why : {pop3_.begin(), manage_.begin(), http_.begin()}) {
        if (why) throw config::StartError(EX_OSERR, "listen", why.message());
    }
    warn_of_options();
}

void Server::watch_users(posix::Result<config::FileWatch::Notices> notices) {
    const std::error_code why = notices ? users_watch_.start(std::move(notices).value()) : notices.error();
    if (!why) return;
    log(state::Level::warning, options_.users_file + " is reread only on SIGHUP: " + why.message());
}

void Server::watch_other_users() {
    users_watch_.stop();
    looking_ = {};
    if (options_.users_file.empty()) return;
    looking_ = disk_.submit(jobs::order(jobs::Watch{options_.users_file}), [this](worker::Answer answer) {
        const auto said = jobs::read<jobs::Watch>(answer);
        if (said.why) return watch_users(said.why);
        watch_users(config::FileWatch::Notices{said.answer.name, std::move(answer.fd)});
        reload_.read_users(); // what changed after the file was read and before it was watched
    });
}

void Server::warn_of_broken_users() {
    for (const std::string& line : config::warnings_of(users_.base(), options_.users_file))
        log(state::Level::warning, line);
}

void Server::warn_of_options() {
    if (settings_.timeout < 600s) {
        log(state::Level::warning, "--timeout is below the 600 seconds that RFC 1939 section 3 requires");
    }
    if (users_.base().size() == 0 && options_.checkpassword.empty())
        log(state::Level::warning, "there are no users: nobody can log in");
    warn_of_broken_users();
}

std::string Server::ready_line() const {
    std::string families = pop3_.serves_v4() ? "IPv4" : "IPv6";
    if (pop3_.serves_v4() && pop3_.serves_v6()) families = "IPv4 and IPv6";
    return "Server started on port " + std::to_string(pop3_.port()) + " and for managers on port " +
           std::to_string(manage_.port()) + ", accepting " + families + " connections...";
}

void Server::run() {
    events_.publish(state::EventType::server, std::chrono::system_clock::now(), 0, "",
                    {{"action", "started"}, {"port", pop3_.port()}, {"mgmt-port", manage_.port()}});
    loop_.run();
    history_.finish();
    delay_keeper_.finish();
    events_.publish(state::EventType::server, std::chrono::system_clock::now(), 0, "", {{"action", "stopped"}});
}

void Server::on_signal(int number) {
    if (number == SIGHUP) return reload_.read_all();
    stop();
}

// No new connections; what is being answered is answered, then everybody goes.
void Server::stop() {
    if (std::exchange(stopping_, true)) return loop_.stop(); // asked twice: at once
    event::guarded([this] { stop_in_order(); }, [this] { loop_.stop(); });
}

void Server::stop_in_order() {
    events_.publish(state::EventType::server, std::chrono::system_clock::now(), 0, "", {{"action", "stopping"}});
    manage_.stop();
    http_.stop();
    deadline_.arm(time_for_last_replies);
    pop3_.finish_all([this] { end(); });
}

void Server::drain() {
    if (stopping_ || std::exchange(draining_, true)) return;
    pop3_.drain([this] { end(); });
}

// The last session has gone.
void Server::end() {
    manage_.stop();
    reports_.finish([this] { loop_.stop(); });
}

void Server::users_read(auth::UserBase users) {
    take_users(std::move(users));
    settings_changed();
    warn_of_broken_users();
    events_.publish(state::EventType::config, std::chrono::system_clock::now(), 0, "",
                    {{"what", "users"}, {"users", users_.base().size()}});
}

void Server::users_not_read(const std::string& why) {
    log(state::Level::error, "users not reloaded, nothing has changed: " + why);
}

void Server::files_not_read(const std::string& why) {
    log(state::Level::error, "not reloaded, nothing has changed: " + why);
}

// What managers have changed stays.
void Server::take_users(auth::UserBase users) {
    users.repeat_changes_of(users_.base());
    users_.replace(std::move(users));
    logins_.users_changed();
}

bool Server::wants_root(const config::FreshFiles& fresh) const {
    return fresh.options.path != options_.path && !control_.has_changed("path") && fresh.root != users_.root();
}

// Whatever can be wrong has been found before anything changes.
void Server::files_read(config::FreshFiles fresh) {
    if (fresh.opened) root_.use(std::move(*fresh.opened));
    take_users(std::move(fresh.users));
    administrators_.replace(std::move(fresh.administrators));
    transforms_.set_for_users(transforms_for(fresh.options));
    if (!control_.has_changed("transform")) transforms_.standard() = default_transform(fresh.options.transform);
    pop3_.set_fronts(fresh.options.proxy_from);
    logins_.checkpassword().use(fresh.options.checkpassword);
    take_settings(fresh.options.settings);
    warn_of_what_waits_for_a_restart(fresh.options);
    const bool other_file = fresh.options.users_file != options_.users_file;
    options_ = std::move(fresh.options);
    if (other_file) watch_other_users();
    settings_changed();
    warn_of_broken_users();
    events_.publish(state::EventType::config, std::chrono::system_clock::now(), 0, "",
                    {{"what", "files"}, {"users", users_.base().size()}});
}

void Server::take_settings(const state::Settings& fresh) {
    const state::Settings named = with_host(fresh);
    for (const state::SettingField& field : state::setting_fields()) {
        if (control_.has_changed(std::string{field.name})) continue;
        (void)state::change_setting(settings_, field.name, state::print_setting(named, field));
    }
}

void Server::warn_of_what_waits_for_a_restart(const config::Options& fresh) {
    const auto warn = [this](bool changed, const char* option) {
        if (changed) log(state::Level::warning, std::string{option} + ": the change takes effect after a restart");
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

void Server::log(state::Level level, const std::string& message) {
    events_.log(level, std::chrono::system_clock::now(), message);
}

// What the sessions look at, from the settings and the users.
void Server::settings_changed() {
    pop3_settings_.host = settings_.host;
    pop3_settings_.disabled = settings_.disable;
    pop3_settings_.require_secure_channel = settings_.require_tls;
    pop3_settings_.cram_md5 = settings_.cram_md5;
    pop3_settings_.plain_secrets_known = users_.base().knows_clear_passwords();
    pop3_settings_.scram_sha_256 = users_.base().knows_scram_secrets();
    pop3_settings_.login_delay = static_cast<std::uint32_t>(settings_.login_delay.count());
    pop3_settings_.max_message_size = settings_.max_message_size;
    log_.set_level(settings_.verbose ? std::max(settings_.log_level, state::Level::debug) : settings_.log_level);
    log_.set_format(syslog_ ? state::LogFormat::syslog : settings_.log_format);
    log_.set_host(settings_.host);
    maildrops_.use(config::uidl_rules(settings_));
    trash_.settings_changed();
    transforms_.refresh();
    logins_.refresh();
    const std::array limits = {settings_.timeout, settings_.login_timeout, settings_.mgmt_timeout};
    if (std::exchange(limits_in_force_, limits) == limits) return;
    pop3_.settings_changed();
    manage_.settings_changed();
}

std::vector<std::pair<std::string, std::string>> Server::details() const {
    std::vector<std::pair<std::string, std::string>> lines = {{"version", BUZON_VERSION},
                                                              {"pid", std::to_string(::getpid())},
                                                              {"mgmt-port", std::to_string(manage_.port())},
                                                              {"users", std::to_string(users_.base().size())}};
    for (std::string& address : http_.addresses()) lines.emplace_back("metrics", std::move(address));
    return lines;
}

} // namespace buzon::server
