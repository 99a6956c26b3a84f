#include "services.h"

#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "buzon/files/start_files.h"
#include "buzon/filter/hosts.h"
#include "buzon/login/checkpassword_run.h"
#include "buzon/login/line_programs.h"
#include "buzon/manage/prometheus.h"
#include "confinement.h"

namespace buzon::server {
namespace {

// Descriptors that we need whatever the clients do: lock files, two for each worker, free filter hosts, the loop,
// listeners, signals, the keeper's channel, vaults.
constexpr std::size_t workers = Mail::max_workers + Mail::max_openers + Mail::max_file_workers + max_hash_workers + 1;
constexpr std::size_t descriptors_of_ours = local::LockFiles::count + 2 * workers + filter::Hosts::max_free + 27;
// Enough for 48 connections and as many messages, kept listings and pipes.
constexpr std::size_t for_clients = 96;

// Raises our limit on descriptors as far as allowed, and returns it.
std::size_t descriptors_of_process() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1'000'000));
}

// The descriptors reserved for messages, pipes and locks, shared by all connections.
std::size_t reserve_of(std::size_t descriptors) {
    return std::clamp<std::size_t>(descriptors / 24, 64, 900);
}

// Descriptors for the programs that check logins: each needs one for its host and one for its output.
std::size_t descriptors_for_logins(const config::Options& options) {
    std::size_t programs = options.checkpassword.empty() ? 0 : login::CheckpasswordPool::max_running;
    for (const filter::FilterSpec* spec : {&options.password_program, &options.token_program})
        if (!spec->empty()) programs += login::LinePrograms::max_programs;
    return programs == 0 ? 0 : 2 * programs + filter::Hosts::max_free;
}

// How many connections the descriptors are enough for; each needs one. by_owner: idle workers of many owners wait for
// their next job.
std::size_t connections_for_descriptors(const config::Options& options, bool by_owner) {
    const std::size_t descriptors = descriptors_of_process();
    const std::size_t ours = descriptors_of_ours + descriptors_for_logins(options) + (by_owner ? Mail::max_warm : 0);
    if (descriptors < ours + for_clients) {
        throw config::StartError(EX_OSERR, "open files",
                                 "the limit is " + std::to_string(descriptors) + ", and " +
                                     std::to_string(ours + for_clients) + " are needed (ulimit -n, LimitNOFILE)");
    }
    const std::size_t left = descriptors - ours;
    const std::size_t reserve = reserve_of(descriptors);
    return left > 2 * reserve ? left - reserve : left / 2;
}

// Startup has already run the TLS program once, so it should work soon.
constexpr auto patience_with_tls = std::chrono::seconds{10};

std::string advice_for(std::error_code why) {
    switch (why.value()) {
    case EADDRINUSE: return "; \"ss -ltnp\" shows which process uses it";
    case EACCES: return "; ports below 1024 need root, buzond.socket, or CAP_NET_BIND_SERVICE";
    default: return {};
    }
}

} // namespace

Services::Services(const ServicesNeeds& needs, auth::UserBase administrators, admin::ServerHooks& hooks)
    : needs_{needs}
    , sandbox_words_{sandbox_words(needs.options, needs.mail.disk.by_owner())}
    , room_{needs.loop}
    , ahead_{needs.loop, reserve_of(descriptors_of_process()) / 4}
    , pop3_{pop3_needs(), connections_for_descriptors(needs.options, needs.mail.disk.by_owner()),
            needs.options.proxy_from}
    , administrators_{std::move(administrators), needs.hashes, event::Clock::now()}
    , control_{{needs.loop, needs.metrics, needs.events, needs.mail.disk, needs.mail.files, needs.hashes,
                needs.mail.root, needs.mail.users, needs.transforms, needs.logins},
               needs.settings,
               needs.options,
               pop3_,
               hooks,
               administrators_,
               needs.upkeep.history}
    , manage_{{needs.loop, needs.sockets, needs.settings, room_, control_, control_}, needs.metrics}
    , http_{needs.loop, room_, [this] { return manage::prometheus_page(control_.metrics()); }} {}

serve::Pop3Needs Services::pop3_needs() {
    const ServicesNeeds& our = needs_;
    Mail& mail = our.mail;
    Upkeep& upkeep = our.upkeep;
    return {our.loop,
            our.sockets,
            our.settings,
            pop3_settings_,
            our.options.certificate_hash,
            our.metrics,
            our.events,
            room_,
            mail.disk,
            listings_,
            upkeep.reports,
            {our.loop, our.settings, our.metrics, our.events, our.hashes, mail.maildrops, mail.locks, mail.root,
             mail.users, our.logins, upkeep.reports},
            {our.loop, our.settings, our.metrics, our.events, mail.disk, our.transforms, file_room_, ahead_},
            {our.loop, our.settings, our.metrics, our.events, mail.disk, upkeep.trash}};
}

void Services::open(systemd::Handed handed) {
    const config::Options& options = needs_.options;
    std::string failed;
    const auto open_one = [&](const char* name, auto& service, const auto& bind) {
        std::vector<posix::UniqueFd> sockets = handed.take(name);
        const bool bound = !sockets.empty();
        if (bound) failed = "socket " + std::string{name} + " of the service manager";
        if (const std::error_code why = bound ? service.adopt(std::move(sockets)) : bind())
            throw config::StartError(config::exit_code_for(why), failed, why.message() + advice_for(why));
    };
    open_one("pop3", pop3_, [&] { return pop3_.open(options.addresses, options.port, failed); });
    open_tls(handed.take("tls"));
    open_one("mgmt", manage_, [&] { return manage_.open(where_managers_come(), failed); });
    open_one("metrics", http_, [&] { return http_.open(needs_.sockets, options.metrics, failed); });
    if (!handed.sockets.empty()) {
        throw config::StartError(EX_USAGE, "LISTEN_FDNAMES",
                                 handed.sockets.begin()->first +
                                     " is no service of ours: FileDescriptorName= must be pop3, mgmt, metrics or tls");
    }
    refuse_managers_from_beyond();
    for (const std::error_code why : {pop3_.begin(), manage_.begin(), http_.begin()}) {
        if (why) throw config::StartError(EX_OSERR, "listen", why.message());
    }
}

void Services::open_tls(std::vector<posix::UniqueFd> sockets) {
    const config::Options& options = needs_.options;
    if (options.tls.certificate.empty()) {
        if (sockets.empty()) return;
        throw config::StartError(EX_USAGE, "socket tls of the service manager",
                                 "needs a certificate (--tls-cert FILE)");
    }
    back_.emplace();
    const std::uint16_t standard_port = ::geteuid() == 0 ? 995 : 1995;
    std::string failed;
    const std::error_code why = pop3_.open_tls({needs_.starter, files::tls_use(options, back_->path() + "/tls"),
                                                options.addresses, options.tls.port.value_or(standard_port),
                                                std::move(sockets), [this](bool works) { tls_works(works); }},
                                               failed);
    if (why) throw config::StartError(config::exit_code_for(why), "TLS: " + failed, why.message() + advice_for(why));
    back_->leave_to_keeper();
}

void Services::tls_works(bool works) {
    pop3_settings_.tls_works = works;
    if (works) tell_complete();
}

void Services::when_complete(std::function<void()> then) {
    when_complete_ = std::move(then);
    if (!back_ || pop3_settings_.tls_works) return tell_complete();
    patience_.arm(needs_.loop.timers(), event::Clock::now() + patience_with_tls);
}

void Services::tell_complete() {
    patience_.disarm();
    if (when_complete_) std::exchange(when_complete_, nullptr)();
}

void Services::renew_tls(const config::Options& fresh) {
    if (!back_) return;
    if (!fresh.tls.certificate.empty()) pop3_.renew_tls(files::tls_use(fresh, back_->path() + "/tls"));
}

// For addresses in the options, files::check_options() has already refused this.
void Services::refuse_managers_from_beyond() const {
    if (!manage_.beyond_loopback() || administrators_.any()) return;
    throw config::StartError(EX_USAGE, "socket mgmt of the service manager",
                             "addresses beyond loopback need an administrator (--admin NAME:PASS)");
}

std::vector<admin::ManageService::Where> Services::where_managers_come() const {
    std::vector<admin::ManageService::Where> where;
    const auto add = [&](const net::Ip& ip, bool optional) {
        const net::Endpoint endpoint{ip, needs_.options.mgmt_port, 0};
        where.push_back({endpoint, endpoint.text(), optional});
    };
    for (const net::Ip& ip : needs_.options.mgmt_addresses) add(ip, false);
    for (const std::string& path : needs_.options.mgmt_paths) where.push_back({net::UnixPath{path}, path, false});
    if (where.empty()) {
        add(net::Ip::from_v4(0x7f000001), false);
        add(*net::Ip::parse("::1"), true); // missing on a machine without IPv6
    }
    return where;
}

void Services::settings_changed() {
    const state::Settings& settings = needs_.settings;
    const auth::UserBase& users = needs_.mail.users.base();
    pop3_settings_.host = settings.host;
    pop3_settings_.disabled = settings.disable;
    pop3_settings_.require_secure_channel = settings.require_tls;
    pop3_settings_.cram_md5 = settings.cram_md5;
    pop3_settings_.announces_binding = settings.channel_binding || !needs_.options.certificate_hash.empty();
    pop3_settings_.tokens = needs_.logins.tokens().in_use();
    pop3_settings_.plain_secrets_known = users.knows_clear_passwords();
    pop3_settings_.scram_sha_256 = users.knows_scram_secrets();
    pop3_settings_.login_delay = static_cast<std::uint32_t>(settings.login_delay.count());
    pop3_settings_.max_message_size = settings.max_message_size;
    const std::array limits = {settings.timeout, settings.login_timeout, settings.mgmt_timeout};
    if (std::exchange(limits_in_force_, limits) == limits) return;
    pop3_.settings_changed();
    manage_.settings_changed();
}

void Services::stop_managers() {
    when_complete_ = nullptr; // the server ends before that
    manage_.stop();
    http_.stop();
}

std::string Services::ready_line() const {
    std::string families = pop3_.serves_v4() ? "IPv4" : "IPv6";
    if (pop3_.serves_v4() && pop3_.serves_v6()) families = "IPv4 and IPv6";
    return "Server started on port " + std::to_string(pop3_.port()) + " and for managers on port " +
           std::to_string(manage_.port()) + ", accepting " + families + " connections...";
}

std::vector<std::pair<std::string, std::string>> Services::details() const {
    std::vector<std::pair<std::string, std::string>> lines = {
        {"version", BUZON_VERSION},
        {"pid", std::to_string(::getpid())},
        {"mgmt-port", std::to_string(manage_.port())},
        {"users", std::to_string(needs_.mail.users.base().size())},
        {"sandbox", sandbox_words_}};
    for (std::string& address : pop3_.tls_addresses()) lines.emplace_back("tls", std::move(address));
    for (std::string& address : http_.addresses()) lines.emplace_back("metrics", std::move(address));
    return lines;
}

} // namespace buzon::server
