#include "buzon/files/rules.h"

#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "buzon/files/tls_program.h"
#include "buzon/filter/rules.h"
#include "buzon/message/snapshot.h"

namespace buzon::files {

RulesText rules_of(const config::Options& options, bool local_managers) {
    filter::Rules rules;
    rules.specs.push_back(options.transform);
    for (const auto& [user, spec] : options.transform_for) rules.specs.push_back(spec);
    rules.login_specs = {options.checkpassword, options.password_program, options.token_program};
    rules.folders = options.transform_allow;
    const bool managers = local_managers || !options.admins.empty() || !options.admins_file.empty();
    rules.any = rules.folders.empty() && managers;
    rules.jail = jail_of(options);
    return {keeper::Subject::programs, filter::encode(rules)};
}

RulesText rules_of(const auth::UserBlock& users) {
    std::set<std::string_view> seen; // many users, few programs
    filter::Rules rules;
    for (std::uint32_t i = 0; i < users.count(); ++i) {
        const std::string_view text = users.user(i).transform;
        if (text.empty() || !seen.insert(text).second) continue;
        if (filter::ParsedSpec parsed = filter::FilterSpec::parse(text); parsed.ok())
            rules.specs.push_back(std::move(parsed.spec));
    }
    return {keeper::Subject::user_programs, filter::encode(rules)};
}

RulesText tls_rules_of(const config::Options& options) {
    return {keeper::Subject::tls, tls::encode(tls_order(options))};
}

filter::Jail jail_of(const config::Options& options) {
    filter::Jail jail{options.transform_jail, {}, options.transform_read};
    if (jail.kind == filter::JailKind::off) return jail;
    const auto hide = [&](const std::string& path) {
        std::error_code why;
        const std::filesystem::path whole = std::filesystem::absolute(path, why);
        if (!path.empty() && !why) jail.hidden.push_back(whole.lexically_normal().string());
    };
    for (const std::string& path :
         {options.config_file, options.users_file, options.admins_file, options.state_dir, options.log_file,
          options.tls.key.empty() ? options.tls.certificate : options.tls.key})
        hide(path);
    for (const std::string& path : options.mgmt_paths) hide(path);
    return jail;
}

posix::Result<posix::UniqueFd> seal(const RulesText& rules) {
    return message::seal_in_memfd(rules.text, "buzon-rules");
}

std::error_code tell(int keeper, const RulesText& rules) {
    const auto memory = seal(rules);
    if (!memory) return memory.error();
    keeper::Rules record;
    record.subject = rules.subject;
    return keeper::send_record(keeper, keeper::octets_of(record), memory.value().get()).why;
}

} // namespace buzon::files
