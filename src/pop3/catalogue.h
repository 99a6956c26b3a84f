// pop3/catalogue.h - all human-readable texts of the protocol, per language (RFC 6856 section 3).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "buzon/pop3/session.h"

namespace buzon::pop3 {

enum class Session::Language : std::uint8_t { english, spanish, international };

// "{}" is a number; numbers have the same order in every language. Response codes and anything else meant for programs
// are not here. However, fetchmail looks for words: a refusal of wrong credentials must not contain "lock" or "wait",
// the one for a locked maildrop must contain "lock", and one for a server error should say "service unavailable".
struct Catalogue {
    std::string_view tag;  // RFC 5646
    std::string_view name; // of the language, in the language

    std::string_view greeting;
    std::string_view goodbye;

    // Invalid lines, and commands that cannot be run.
    std::string_view unknown_command;
    std::string_view line_too_long;
    std::string_view invalid_line;
    std::string_view too_many_bad_lines;
    std::string_view bad_arguments;
    std::string_view only_before_login;
    std::string_view only_after_login;
    std::string_view tls_not_here;
    std::string_view tls_begins;

    // Logging in.
    std::string_view user_accepted;
    std::string_view password_accepted;
    std::string_view user_first;
    std::string_view not_utf8;
    std::string_view clear_text_refused;
    std::string_view wrong_password;
    std::string_view not_permitted;
    std::string_view login_temporary;
    std::string_view in_use;
    std::string_view too_soon;
    std::string_view too_soon_for; // {} seconds
    std::string_view maildrop_unavailable;
    std::string_view maildrop_broken;
    std::string_view too_many_sessions;
    std::string_view no_apop;
    std::string_view mechanisms_follow;
    std::string_view unknown_mechanism;
    std::string_view auth_cancelled;
    std::string_view auth_bad_answer;

    // The maildrop.
    std::string_view listing; // {} messages, {} octets
    std::string_view unique_ids_follow;
    std::string_view maildrop_has; // {} messages, {} octets
    std::string_view not_a_number;
    std::string_view no_such_message;
    std::string_view deleted_already; // {} number
    std::string_view deleted;         // {} number
    std::string_view may_not_delete;
    std::string_view octets; // {} octets
    std::string_view message_follows;
    std::string_view message_gone;
    std::string_view message_unreadable;
    std::string_view filter_failed;
    std::string_view message_too_large;
    std::string_view message_needs_utf8;
    std::string_view not_removed; // {} of {} messages
    std::string_view search_follows;
    std::string_view bad_search;
    std::string_view search_failed;
    std::string_view report_follows;
    std::string_view report_failed;

    // Capabilities and languages.
    std::string_view capabilities_follow;
    std::string_view utf8_enabled;
    std::string_view languages_follow;
    std::string_view language_changed;
    std::string_view unknown_language;
};

extern const Catalogue english;
extern const Catalogue spanish;

// In the order of Session::Language.
[[nodiscard]] std::span<const Catalogue* const> catalogues() noexcept;

} // namespace buzon::pop3
