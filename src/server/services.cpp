#include "services.h"

#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>

#include "buzon/files/start_files.h"
#include "buzon/manage/prometheus.h"

namespace buzon::server {
namespace {

// Held whatever the clients do: lock files, two for each worker, the loop, listeners, signals, the guard and the places
// of programs that start.
constexpr std::size_t descriptors_of_ours = local::LockFiles::count + 2 * (Mail::max_workers + max_hash_workers) + 28;
// Enough for 48 connections and as many messages, kept listings and pipes.
constexpr std::size_t fewest_descriptors = descriptors_of_ours + 96;

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

} // namespace

Services::Services(const ServicesNeeds& needs, admin::ServerHooks& hooks)
    : needs_{needs}
    , room_{needs.loop}
    , pop3_{pop3_needs(), connections_for_descriptors(), needs.options.proxy_from}
    , administrators_{files::load(config::administrators_of(needs.options)), needs.hashes, event::Clock::now()}
    , control_{{needs.loop, needs.metrics, needs.events, needs.mail.disk, needs.hashes, needs.mail.root,
                needs.mail.users, needs.transforms, needs.logins},
               needs.settings,
               needs.options,
               pop3_,
               hooks,
               administrators_,
               needs.upkeep.history}
    , manage_{{needs.loop, needs.settings, room_, control_, control_}, needs.metrics}
    , http_{needs.loop, room_, [this] { return manage::prometheus_page(control_.metrics()); }} {}

serve::Pop3Needs Services::pop3_needs() {
    const ServicesNeeds& our = needs_;
    Mail& mail = our.mail;
    Upkeep& upkeep = our.upkeep;
    return {our.loop,
            our.settings,
            pop3_settings_,
            our.metrics,
            our.events,
            room_,
            mail.disk,
            listings_,
            upkeep.reports,
            {our.loop, our.settings, our.metrics, our.events, our.hashes, mail.maildrops, mail.locks, mail.root,
             mail.users, our.logins, upkeep.reports},
            {our.loop, our.settings, our.metrics, our.events, mail.disk, our.transforms, file_room_},
            {our.loop, our.settings, our.metrics, our.events, mail.disk, upkeep.trash}};
}

void Services::open() {
    const config::Options& options = needs_.options;
    std::string failed;
    if (const std::error_code why = pop3_.open(options.addresses, options.port, failed))
        throw config::StartError(config::exit_code_for(why), failed, why.message());
    if (const std::error_code why = manage_.open(where_managers_come(), failed))
        throw config::StartError(config::exit_code_for(why), failed, why.message());
    if (const std::error_code why = http_.open(options.metrics, failed))
        throw config::StartError(config::exit_code_for(why), failed, why.message());
    for (const std::error_code why : {pop3_.begin(), manage_.begin(), http_.begin()}) {
        if (why) throw config::StartError(EX_OSERR, "listen", why.message());
    }
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
        add(*net::Ip::parse("::1"), true); // a machine without IPv6 has none
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
        {"users", std::to_string(needs_.mail.users.base().size())}};
    for (std::string& address : http_.addresses()) lines.emplace_back("metrics", std::move(address));
    return lines;
}

} // namespace buzon::server
