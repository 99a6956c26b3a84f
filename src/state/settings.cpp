// state/settings.cpp - the table of settings, with types, bounds and meanings.
#include "buzon/state/settings.h"
#include "buzon/line/number.h"

#include <algorithm>
#include <array>
#include <utility>

namespace buzon::state {
namespace {

using Seconds = std::chrono::seconds;

std::string_view unit_of(SettingType type) {
    switch (type) {
    case SettingType::seconds: return " of seconds";
    case SettingType::octets: return " of octets";
    case SettingType::days: return " of days";
    case SettingType::percent: return " (percent)";
    default: return "";
    }
}

struct ValueUnit {
    char letter;
    std::uint64_t worth;
};
constexpr ValueUnit time_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}};
constexpr ValueUnit octet_units[] = {{'K', 1u << 10}, {'M', 1u << 20}, {'G', 1u << 30}};
constexpr ValueUnit day_units[] = {{'d', 1}};

std::span<const ValueUnit> units_of(SettingType type) {
    switch (type) {
    case SettingType::seconds: return time_units;
    case SettingType::octets: return octet_units;
    case SettingType::days: return day_units;
    default: return {};
    }
}

std::string allowed_number(const SettingField& field) {
    std::string text = "a whole number" + std::string{unit_of(field.type)} + " from " + std::to_string(field.min) +
                       " to " + std::to_string(field.max);
    std::string_view before = "; units ";
    for (const ValueUnit& unit : units_of(field.type)) (text += std::exchange(before, " ")) += unit.letter;
    return text;
}

// "600", or with a unit of the setting's type: "10m".
std::optional<std::uint64_t> parse_number(const SettingField& field, std::string_view text) {
    std::uint64_t worth = 1;
    for (const ValueUnit& unit : units_of(field.type)) {
        if (!text.ends_with(unit.letter)) continue;
        worth = unit.worth;
        text.remove_suffix(1);
        break;
    }
    const auto count = line::parse_whole<std::uint64_t>(text, 0, field.max / worth);
    if (!count || *count * worth < field.min) return std::nullopt;
    return *count * worth;
}

// Makes the three functions of a row from a pointer to its member.
template <std::uint64_t Settings::*Member>
constexpr SettingField number(std::string_view name, std::uint64_t min, std::uint64_t max, std::string_view meaning,
                              SettingType type = SettingType::number) {
    return {name,
            type,
            min,
            max,
            meaning,
            [](const Settings& s) { return std::to_string(s.*Member); },
            [](const SettingField& field, std::string_view text, Settings& s) {
                const auto n = parse_number(field, text);
                if (n) s.*Member = *n;
                return n.has_value();
            },
            allowed_number};
}

template <auto Member>
constexpr SettingField duration(std::string_view name, std::uint64_t min, std::uint64_t max, std::string_view meaning,
                                SettingType type = SettingType::seconds) {
    return {name,
            type,
            min,
            max,
            meaning,
            [](const Settings& s) { return std::to_string((s.*Member).count()); },
            [](const SettingField& field, std::string_view text, Settings& s) {
                const auto n = parse_number(field, text);
                if (n) s.*Member = std::remove_reference_t<decltype(s.*Member)>{static_cast<std::int32_t>(*n)};
                return n.has_value();
            },
            allowed_number};
}

template <bool Settings::*Member>
constexpr SettingField flag(std::string_view name, std::string_view meaning) {
    return {name,
            SettingType::flag,
            0,
            0,
            meaning,
            [](const Settings& s) -> std::string { return s.*Member ? "on" : "off"; },
            [](const SettingField&, std::string_view text, Settings& s) {
                const bool on = text == "on" || text == "yes" || text == "true" || text == "1";
                const bool off = text == "off" || text == "no" || text == "false" || text == "0";
                if (on || off) s.*Member = on;
                return on || off;
            },
            [](const SettingField&) -> std::string { return "on or off"; }};
}

inline constexpr std::array<std::string_view, 2> session_rule_names = {"exclusive", "shared"};
inline constexpr std::array<std::string_view, 4> uidl_source_names = {"auto", "base", "dovecot", "courier"};
inline constexpr std::array<std::string_view, 2> uidl_order_names = {"delivery", "mtime"};

std::string one_of(std::span<const std::string_view> names) {
    std::string text = "one of";
    for (const std::string_view one : names) text.append(text.size() > 6 ? ", " : " ").append(one);
    return text;
}

template <auto Member, const auto& Names>
constexpr SettingField choice(std::string_view name, std::string_view meaning) {
    return {name,
            SettingType::choice,
            0,
            0,
            meaning,
            [](const Settings& s) { return std::string{Names[static_cast<std::size_t>(s.*Member)]}; },
            [](const SettingField&, std::string_view text, Settings& s) {
                const auto found = std::find(Names.begin(), Names.end(), text);
                if (found == Names.end()) return false;
                s.*Member = static_cast<std::remove_reference_t<decltype(s.*Member)>>(found - Names.begin());
                return true;
            },
            [](const SettingField&) { return one_of(Names); }};
}

constexpr SettingField commands_row(std::string_view name, std::string_view meaning) {
    return {name,
            SettingType::commands,
            0,
            0,
            meaning,
            [](const Settings& s) { return print_command_set(s.disable); },
            [](const SettingField&, std::string_view text, Settings& s) {
                const auto commands = parse_command_set(text);
                if (commands) s.disable = *commands;
                return commands.has_value();
            },
            [](const SettingField&) {
                std::string text = "none, or some of ";
                text += print_command_set(CommandSet{Pop3Command::top, Pop3Command::uidl, Pop3Command::user,
                                                     Pop3Command::pass, Pop3Command::apop, Pop3Command::auth,
                                                     Pop3Command::capa, Pop3Command::utf8, Pop3Command::lang,
                                                     Pop3Command::search, Pop3Command::report});
                return text + " joined by commas";
            }};
}

constexpr SettingField host_row(std::string_view name, std::string_view meaning) {
    return {name,
            SettingType::host,
            0,
            0,
            meaning,
            [](const Settings& s) { return s.host; },
            [](const SettingField&, std::string_view text, Settings& s) {
                if (!is_host_name(text)) return false;
                s.host = text;
                return true;
            },
            [](const SettingField&) -> std::string { return "one plain host name"; }};
}

// Free text on one line: printable ASCII without blanks at either end.
inline constexpr std::size_t longest_text = 200;

template <std::string Settings::*Member>
constexpr SettingField text_row(std::string_view name, std::string_view meaning) {
    return {name,
            SettingType::text,
            0,
            0,
            meaning,
            [](const Settings& s) { return s.*Member; },
            [](const SettingField&, std::string_view text, Settings& s) {
                const bool printable =
                    std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
                if (text.empty() || text.size() > longest_text || !printable) return false;
                if (text.front() == ' ' || text.back() == ' ') return false;
                s.*Member = text;
                return true;
            },
            [](const SettingField&) { return "printable text of 1 to " + std::to_string(longest_text) + " octets"; }};
}

// The schemes for new passwords; auth/scheme.h has all schemes.
inline constexpr std::array<std::string_view, 7> hash_scheme_names = {
    "SCRAM-SHA-256", "SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "CRYPT", "MD5-CRYPT", "PLAIN"};

// The name of a scheme, case-insensitive as elsewhere.
constexpr SettingField scheme_row(std::string_view name, std::string_view meaning) {
    return {name,
            SettingType::choice,
            0,
            0,
            meaning,
            [](const Settings& s) { return s.hash_scheme; },
            [](const SettingField&, std::string_view text, Settings& s) {
                std::string capitals{text};
                for (char& c : capitals) {
                    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
                }
                const bool known =
                    std::find(hash_scheme_names.begin(), hash_scheme_names.end(), capitals) != hash_scheme_names.end();
                if (known) s.hash_scheme = std::move(capitals);
                return known;
            },
            [](const SettingField&) { return one_of(hash_scheme_names); }};
}

using S = Settings;
constexpr std::uint64_t week = 604'800, million = 1'000'000;
constexpr std::uint64_t terabyte = std::uint64_t{1} << 40;

constexpr SettingField rows[] = {
    duration<&S::timeout>("timeout", 1, week,
                          "idle time after which a logged-in session ends without deleting anything"),
    duration<&S::login_timeout>("login-timeout", 1, week, "total time allowed for logging in"),
    number<&S::max_connections>("max-connections", 0, 10 * million,
                                "concurrent POP3 connections; 0: as many as the limit on open files allows"),
    number<&S::max_per_ip>("max-per-ip", 0, 10 * million, "concurrent POP3 connections from one address; 0: no limit"),
    number<&S::max_per_user>("max-per-user", 0, 10 * million,
                             "concurrent sessions of one user, if sessions are shared; 0: no limit"),
    choice<&S::sessions, session_rule_names>("sessions", "one session per maildrop, or several that share it"),
    // At most four minutes: by then the kernel gives up on a silent client (net/listener.cpp).
    duration<&S::peer_silence>("peer-silence", 5, 240,
                               "silence after which the holder of a maildrop may be displaced by another login"),
    duration<&S::login_delay>("login-delay", 0, 86'400,
                              "minimum time between two logins of a user (LOGIN-DELAY); 0: none"),
    commands_row("disable", "optional POP3 commands to switch off"),
    host_row("host", "name used in the greeting and in INFO"),

    number<&S::max_message_size>("max-message-size", 0, terabyte,
                                 "larger messages are listed but not sent; 0: no limit", SettingType::octets),
    duration<&S::undelete_grace>("undelete-grace", 0, 3650, "how long deleted mail can be restored; 0: not at all",
                                 SettingType::days),
    choice<&S::uidl, uidl_source_names>("uidl", "source of UIDLs for a maildrop without a buzon-uidl"),
    text_row<&S::uidl_format>("uidl-format", "pop3_uidl_format of the Dovecot that wrote dovecot-uidlist"),
    choice<&S::uidl_order, uidl_order_names>("uidl-order",
                                             "order of messages if no list defines one; mtime: as in qmail-pop3d"),
    number<&S::uidl_breaker>("uidl-breaker", 0, 100,
                             "refuse a login if more of the known messages would change their UIDL",
                             SettingType::percent),
    flag<&S::no_fsync>("no-fsync", "answer QUIT without waiting for the disk"),

    flag<&S::require_tls>("require-tls",
                          "refuse clear-text secrets unless the front reports TLS or the client is on loopback"),
    flag<&S::folders>("folders", "let ana+Junk log in, with ana's secret, to the folder .Junk of her Maildir"),
    flag<&S::utf8_strict>("utf8-strict",
                          "refuse RETR and TOP of messages with 8-bit headers unless the client has sent UTF8"),
    flag<&S::proxy_tls>("proxy-tls", "treat connections from --proxy-from peers as TLS, whatever their header says"),
    flag<&S::cram_md5>("cram-md5", "offer the old CRAM-MD5 mechanism"),
    flag<&S::channel_binding>("channel-binding", "announce SCRAM-SHA-256-PLUS to clients that connect over TLS"),
    scheme_row("hash-scheme", "how USER ADD and USER PASS store a password"),
    duration<&S::auth_cache>("auth-cache", 0, 86'400, "how long a verified password is remembered; 0: not at all"),
    number<&S::throttle_free>("throttle-free", 0, 1000, "wrong logins from one source before it must wait"),
    number<&S::throttle_free_user>("throttle-free-user", 0, 1000,
                                   "wrong logins for one user from unfamiliar sources before these must wait"),
    number<&S::throttle_free_familiar>("throttle-free-familiar", 0, 1000,
                                       "wrong logins for one user from a familiar source before it must wait"),
    duration<&S::throttle_delay>("throttle-delay", 0, 3600,
                                 "first wait after too many wrong logins; it doubles each time; 0: none"),
    duration<&S::throttle_max_delay>("throttle-max-delay", 0, 3600, "longest wait after wrong logins"),
    duration<&S::throttle_forgive>("throttle-forgive", 1, week, "time in which one wrong login is forgiven"),
    duration<&S::throttle_familiar>("throttle-familiar", 0, 3650,
                                    "how long a source stays familiar after a user logged in from it",
                                    SettingType::days),

    duration<&S::transform_timeout>("transform-timeout", 1, 86'400, "longest time a program may take without progress"),
    number<&S::transform_hold>("transform-hold", 0, 16u << 20, "output held back until the programs have ended",
                               SettingType::octets),
    number<&S::max_transforms>("max-transforms", 0, 10'000, "concurrent transformations; 0: two per CPU"),
    number<&S::transform_queue>("transform-queue", 0, million, "messages that may wait for their program to start"),
    duration<&S::transform_wait>("transform-wait", 1, 86'400,
                                 "longest time a message may wait for its program to start"),
    duration<&S::transform_cpu>("transform-cpu", 0, 86'400, "CPU time of one program; 0: no limit"),
    number<&S::transform_memory>("transform-memory", 0, terabyte, "address space of one program; 0: no limit",
                                 SettingType::octets),
    number<&S::transform_file_size>("transform-file-size", 0, terabyte, "largest file a program may write; 0: no limit",
                                    SettingType::octets),
    number<&S::transform_processes>("transform-processes", 0, million, "processes of the programs' user; 0: no limit"),
    number<&S::transform_files>("transform-files", 0, million, "open files of one program; 0: no limit"),

    choice<&S::log_level, level_names>("log-level", "least important level that is logged"),
    choice<&S::log_format, log_format_names>("log-format", "format of the log"),
    flag<&S::verbose>("verbose", "log the traffic statistics of each session"),
    number<&S::max_managers>("max-managers", 1, 100'000, "concurrent management connections"),
    duration<&S::mgmt_timeout>("mgmt-timeout", 1, week, "idle time after which a management connection ends"),
};

constexpr SettingTopic topics[] = {{"Sessions", "timeout"},
                                   {"Mail", "max-message-size"},
                                   {"Logging in", "require-tls"},
                                   {"Transformations", "transform-timeout"},
                                   {"Log and management", "log-level"}};

} // namespace

std::span<const SettingField> setting_fields() noexcept {
    return rows;
}

std::span<const SettingTopic> setting_topics() noexcept {
    return topics;
}

const SettingField* find_setting(std::string_view name) noexcept {
    const auto found =
        std::find_if(std::begin(rows), std::end(rows), [&](const auto& row) { return row.name == name; });
    return found == std::end(rows) ? nullptr : &*found;
}

std::optional<std::string> change_setting(Settings& settings, std::string_view name, std::string_view value) {
    const SettingField* const field = find_setting(name);
    if (field == nullptr) return "no such setting";
    if (field->parse(*field, value, settings)) return std::nullopt;
    return std::string{name} + ": " + field->allowed(*field);
}

std::string print_setting(const Settings& settings, const SettingField& field) {
    return field.print(settings);
}

bool is_host_name(std::string_view text) noexcept {
    if (text.empty() || text.size() > 253) return false;
    const auto alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('.', begin), text.size());
        const std::string_view label = text.substr(begin, end - begin);
        if (label.empty() || label.size() > 63 || !alphanumeric(label.front()) || !alphanumeric(label.back()))
            return false;
        if (!std::all_of(label.begin(), label.end(), [&](char c) { return alphanumeric(c) || c == '-'; })) return false;
        begin = end + 1;
    }
    return true;
}

} // namespace buzon::state
