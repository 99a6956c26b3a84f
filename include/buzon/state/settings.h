// state/settings.h - the settings that can be changed at run time: one table for the command line, the config file and
// CONF. No I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "buzon/state/event.h"
#include "buzon/state/pop3_command.h"

namespace buzon::state {

enum class SessionRule : std::uint8_t { exclusive, shared };
// The source of UIDLs, and of the order of messages, for a maildrop without a buzon-uidl.
enum class UidlSource : std::uint8_t { automatic, base_name, dovecot, courier };
enum class UidlOrder : std::uint8_t { delivery, mtime };

struct Settings {
    using Seconds = std::chrono::seconds;

    // Sessions
    Seconds timeout{600};
    Seconds login_timeout{180};
    std::uint64_t max_connections = 0; // 0: as many as the descriptors allow
    std::uint64_t max_per_ip = 0;      // 0: no limit
    std::uint64_t max_per_user = 0;    // 0: no limit; applies to SessionRule::shared
    SessionRule sessions = SessionRule::exclusive;
    Seconds peer_silence{60}; // after which the client that holds a maildrop counts as gone
    Seconds login_delay{0};   // 0: none, and not announced
    CommandSet disable;
    std::string host; // set by the server at startup

    // Mail
    std::uint64_t max_message_size = 0;  // octets; 0: no limit
    std::chrono::days undelete_grace{0}; // 0: deleted mail is removed at once
    UidlSource uidl = UidlSource::automatic;
    std::string uidl_format = "%08Xu%08Xv"; // Dovecot's pop3_uidl_format; message/ interprets it
    UidlOrder uidl_order = UidlOrder::delivery;
    std::uint64_t uidl_breaker = 10; // percent; 100 never trips
    bool no_fsync = false;

    // Logging in
    bool require_tls = false;
    bool folders = false;
    bool utf8_strict = false; // no 8-bit headers for clients that have not sent UTF8 (RFC 6856 section 2.1)
    bool proxy_tls = false;   // connections from a front count as TLS, whatever its PROXY header says
    bool cram_md5 = false;
    bool channel_binding = false;              // SCRAM-SHA-256-PLUS is announced
    std::string hash_scheme = "SCRAM-SHA-256"; // of new passwords; auth/ interprets it
    Seconds auth_cache{300};
    std::uint64_t throttle_free = 5;           // wrong logins from a source before it must wait
    std::uint64_t throttle_free_user = 10;     // for a user from unfamiliar sources
    std::uint64_t throttle_free_familiar = 20; // for a user from a familiar source
    Seconds throttle_delay{1};                 // the first wait; it doubles each time; 0: none
    Seconds throttle_max_delay{15};
    Seconds throttle_forgive{60};            // time until one wrong login is forgiven
    std::chrono::days throttle_familiar{30}; // how long a source stays familiar

    // Transformations
    Seconds transform_timeout{60};          // without progress
    std::uint64_t transform_hold = 65536;   // octets
    std::uint64_t max_transforms = 0;       // 0: two per CPU
    std::uint64_t transform_queue = 10'000; // messages that may wait for a turn
    Seconds transform_wait{30};             // for a turn
    Seconds transform_cpu{300};             // CPU seconds of one program; 0: no limit (also below)
    std::uint64_t transform_memory = std::uint64_t{4} << 30;
    std::uint64_t transform_file_size = std::uint64_t{1} << 30;
    std::uint64_t transform_processes = 4096;
    std::uint64_t transform_files = 1024;

    // Log and management
    Level log_level = Level::info;
    LogFormat log_format = LogFormat::text;
    bool verbose = false;
    std::uint64_t max_managers = 512; // management connections
    Seconds mgmt_timeout{3600};       // idle time; a live view is not idle
};

enum class SettingType : std::uint8_t { number, seconds, octets, days, percent, flag, choice, commands, host, text };

// One row of the table. The defaults are those of a default-constructed Settings.
struct SettingField {
    std::string_view name; // of the long option, without "--"
    SettingType type;
    std::uint64_t min = 0, max = 0; // of numbers
    std::string_view meaning;       // one line
    std::string (*print)(const Settings&);
    // Sets the value. If it is invalid, returns false and changes nothing.
    bool (*parse)(const SettingField&, std::string_view value, Settings&);
    std::string (*allowed)(const SettingField&); // "a whole number of seconds from 1 to 604800"
    [[nodiscard]] bool is_flag() const noexcept { return type == SettingType::flag; } // the option takes no value
};

[[nodiscard]] std::span<const SettingField> setting_fields() noexcept;
// The topics, in the order of setting_fields(): a topic ends where the next one begins.
struct SettingTopic {
    std::string_view title, first_setting;
};
[[nodiscard]] std::span<const SettingTopic> setting_topics() noexcept;
// Names are compared exactly; null for an unknown one.
[[nodiscard]] const SettingField* find_setting(std::string_view name) noexcept;

// Sets a setting from text. On error, changes nothing and returns a message ("timeout: a whole number of seconds from 1
// to 604800").
[[nodiscard]] std::optional<std::string> change_setting(Settings& settings, std::string_view name,
                                                        std::string_view value);

// "600", "exclusive", "TOP,UIDL": in the form that change_setting() accepts. Flags are "on" and "off".
[[nodiscard]] std::string print_setting(const Settings& settings, const SettingField& field);

// One plain host name (RFC 1123 section 2.1): labels of letters, digits and inner hyphens, 253 octets at most.
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;

} // namespace buzon::state
