#include "buzon/config/uidl_settings.h"

#include "buzon/auth/make_secret.h"

namespace buzon::config {
namespace {

message::UidlSource source_of(state::UidlSource source) {
    switch (source) {
    case state::UidlSource::automatic: return message::UidlSource::automatic;
    case state::UidlSource::base_name: return message::UidlSource::base_name;
    case state::UidlSource::dovecot: return message::UidlSource::dovecot;
    case state::UidlSource::courier: return message::UidlSource::courier;
    }
    return message::UidlSource::automatic;
}

} // namespace

message::UidlRules uidl_rules(const state::Settings& settings) {
    message::UidlRules rules;
    rules.source = source_of(settings.uidl);
    rules.dovecot_format = settings.uidl_format;
    rules.order =
        settings.uidl_order == state::UidlOrder::mtime ? message::SessionOrder::mtime : message::SessionOrder::delivery;
    rules.breaker_percent = static_cast<std::uint8_t>(settings.uidl_breaker);
    return rules;
}

std::optional<std::string> change_checked_setting(state::Settings& settings, std::string_view name,
                                                  std::string_view value) {
    if (name == "uidl-format") {
        if (const std::string trouble = message::trouble_with_uidl_format(value); !trouble.empty()) {
            return std::string{name} + ": " + trouble;
        }
    }
    if (name == "hash-scheme") {
        state::Settings trial;
        if (!state::change_setting(trial, name, value) && !auth::can_make_secret(trial.hash_scheme)) {
            return std::string{name} + ": crypt(3) on this system does not know " + trial.hash_scheme;
        }
    }
    return state::change_setting(settings, name, value);
}

} // namespace buzon::config
