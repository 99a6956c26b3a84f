#include "files_in_force.h"

#include <algorithm>
#include <map>

#include "buzon/config/machine_name.h"
#include "buzon/config/people.h"
#include "buzon/files/rules.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

serve::Transform default_transform(const filter::FilterSpec& spec) {
    return serve::Transform{spec, !spec.empty()};
}

std::map<std::string, serve::Transform> transforms_for(const config::Options& options) {
    std::map<std::string, serve::Transform> own;
    for (const auto& [user, spec] : options.transform_for) own[user] = default_transform(spec);
    return own;
}

} // namespace

state::Settings settings_of(const config::Options& options) {
    state::Settings settings = options.settings;
    if (settings.host.empty()) settings.host = config::machine_name();
    return settings;
}

FilesInForce::FilesInForce(const FilesNeeds& needs)
    : needs_{needs}
    , reload_{needs.mail.files, needs.mail.openers, needs.options, *this}
    , users_watch_{needs.loop, needs.mail.files, needs.logging, needs.options, [this] { reload_.read_users(); }} {}

void FilesInForce::use_programs() {
    const config::Options& options = needs_.options;
    needs_.logins.use({options.checkpassword, options.password_program, options.token_program});
    serve::Transforms& transforms = needs_.transforms;
    transforms.set_for_users(transforms_for(options));
    if (!needs_.services.control().has_changed("transform"))
        transforms.standard() = default_transform(options.transform);
    transforms.confine(files::jail_of(options));
    transforms.allow(options.transform_allow);
}

void FilesInForce::begin() {
    const config::Options& options = needs_.options;
    const state::Settings& settings = needs_.settings;
    Logging& logging = needs_.logging;
    if (settings.timeout < 600s) logging.warn("--timeout is below the 600 seconds that RFC 1939 section 3 requires");
    const bool network = options.addresses.empty() || std::any_of(options.addresses.begin(), options.addresses.end(),
                                                                  [](const net::Ip& ip) { return !ip.is_loopback(); });
    if (network && !settings.require_tls)
        logging.say(state::Level::notice, "without --require-tls, passwords may cross the network in clear text");
    if (needs_.mail.users.base().size() == 0 && !options.asks_programs())
        logging.warn("there are no users: nobody can log in");
    warn_of_users();
    users_watch_.begin();
}

bool FilesInForce::wants_root(const config::FreshFiles& fresh) const {
    // Compared with the root in use, not with the options: DIRR may have changed it since they were read. The demo has
    // a root of its own, which is in no file.
    return !fresh.options.demo && !fresh.root.empty() && !needs_.services.control().has_changed("path") &&
           fresh.root != needs_.mail.users.root();
}

void FilesInForce::users_read(auth::UserBase users) {
    renew_hosts();
    take_users(std::move(users));
    needs_.hooks.settings_changed();
    warn_of_users();
    tell_of_reading("users");
}

void FilesInForce::users_not_read(const std::string& why) {
    needs_.logging.say(state::Level::error, "users not reloaded, nothing has changed: " + why);
}

// Everything has been validated before anything changes.
void FilesInForce::files_read(config::FreshFiles fresh) {
    renew_hosts();
    if (fresh.opened && !needs_.services.control().has_changed("path")) needs_.mail.root.use(std::move(*fresh.opened));
    take_users(std::move(fresh.users));
    needs_.services.administrators().replace(std::move(fresh.administrators));
    needs_.services.pop3().set_fronts(fresh.options.proxy_from);
    keep_login_program(fresh.options);
    needs_.services.renew_tls(fresh.options);
    take_settings(fresh.options);
    for (const std::string_view option : config::changes_for_a_restart(needs_.options, fresh.options))
        needs_.logging.warn(std::string{option} + ": the change takes effect after a restart");
    const bool other_file = fresh.options.users_file != needs_.options.users_file;
    needs_.options = std::move(fresh.options);
    use_programs();
    needs_.transforms.processes().retire_all(); // files that the programs read may have changed, too
    if (other_file) users_watch_.file_changed();
    needs_.hooks.settings_changed();
    warn_of_users();
    tell_of_reading("files");
    needs_.notifier.ready();
}

void FilesInForce::files_not_read(const std::string& why) {
    needs_.logging.say(state::Level::error, "not reloaded, nothing has changed: " + why);
    needs_.notifier.ready();
}

// The keeper has the rules that were just read, and gives them to hosts that start from now on.
void FilesInForce::renew_hosts() noexcept {
    needs_.program_hosts.renew();
    needs_.login_hosts.renew();
}

void FilesInForce::take_users(auth::UserBase users) {
    users.repeat_changes_of(needs_.mail.users.base());
    needs_.mail.users.replace(std::move(users));
    needs_.mail.users_changed();
    needs_.logins.users_changed();
}

void FilesInForce::take_settings(const config::Options& fresh) {
    const state::Settings settings = settings_of(fresh);
    for (const state::SettingField& field : state::setting_fields()) {
        if (needs_.services.control().has_changed(std::string{field.name})) continue;
        (void)state::change_setting(needs_.settings, field.name, state::print_setting(settings, field));
    }
}

// A program that runs as root stays the one that the keeper was given before the server accepted connections.
void FilesInForce::keep_login_program(config::Options& fresh) {
    if (!needs_.mail.disk.by_owner()) return;
    const config::Options& now = needs_.options;
    if (fresh.checkpassword != now.checkpassword || fresh.password_program != now.password_program)
        needs_.logging.warn("checkpassword: the change takes effect after a restart");
    fresh.checkpassword = now.checkpassword;
    fresh.password_program = now.password_program;
}

void FilesInForce::warn_of_users() {
    for (const std::string& line : config::warnings_of(needs_.mail.users.base(), needs_.options.users_file))
        needs_.logging.warn(line);
}

void FilesInForce::tell_of_reading(const char* what) {
    needs_.logging.publish(state::EventType::config, {{"what", what}, {"users", needs_.mail.users.base().size()}});
}

} // namespace buzon::server
