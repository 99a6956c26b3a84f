// The English texts, in ASCII, also used for i-default.
#include "catalogue.h"

namespace buzon::pop3 {

constexpr Catalogue english{
    .tag = "en",
    .name = "English",

    .greeting = "POP3 server ready",
    .goodbye = "Goodbye",

    .unknown_command = "Unknown command",
    .line_too_long = "Line too long",
    .invalid_line = "Invalid line",
    .too_many_bad_lines = "Too many invalid commands, goodbye",
    .bad_arguments = "Wrong number of arguments",
    .only_before_login = "Only before login",
    .only_after_login = "Log in first",
    .tls_not_here = "STLS is not supported",
    .tls_begins = "Begin TLS negotiation",

    .user_accepted = "User accepted, password needed",
    .password_accepted = "Password accepted",
    .user_first = "Give the user name first",
    .not_utf8 = "Not valid UTF-8",
    .clear_text_refused = "Clear-text login is refused on a connection without TLS",
    .wrong_password = "Password incorrect",
    .not_permitted = "Login not permitted",
    .login_temporary = "Authentication service temporarily unavailable, try again later",
    .in_use = "Maildrop is locked by another session",
    .too_soon = "Too soon after the last login, wait",
    .too_soon_for = "Too soon after the last login, wait {} seconds",
    .maildrop_unavailable = "Mail service unavailable for this maildrop, try again later",
    .maildrop_broken = "Mail service unavailable for this maildrop until an administrator has repaired it",
    .too_many_sessions = "Mail service unavailable: too many sessions of this user, try again later",
    .no_apop = "APOP is not available",
    .mechanisms_follow = "Mechanisms follow",
    .unknown_mechanism = "Unknown authentication mechanism",
    .auth_cancelled = "Authentication cancelled",
    .auth_bad_answer = "Invalid response, authentication aborted",

    .listing = "{} messages ({} octets)",
    .unique_ids_follow = "Unique-id listing follows",
    .maildrop_has = "Maildrop has {} messages ({} octets)",
    .not_a_number = "Not a valid number",
    .no_such_message = "No such message",
    .deleted_already = "Message {} is already deleted",
    .deleted = "Message {} deleted",
    .may_not_delete = "This password may only read mail, not delete it",
    .octets = "{} octets",
    .message_follows = "message follows",
    .message_gone = "The message no longer exists",
    .message_unreadable = "The message cannot be read at the moment",
    .filter_failed = "The message could not be transformed",
    .message_too_large = "The message exceeds this server's size limit",
    .message_needs_utf8 = "The message has a UTF-8 header; send UTF8 before logging in",
    .not_removed = "{} of {} deleted messages not removed",
    .search_follows = "Matching messages follow",
    .bad_search = "Invalid search criteria",
    .search_failed = "The messages cannot be searched at the moment",
    .report_follows = "Report of earlier sessions follows",
    .report_failed = "The report cannot be read at the moment",

    .capabilities_follow = "Capability list follows",
    .utf8_enabled = "UTF-8 enabled",
    .languages_follow = "Language listing follows:",
    .language_changed = "Language changed",
    .unknown_language = "Unknown language",
};

} // namespace buzon::pop3
