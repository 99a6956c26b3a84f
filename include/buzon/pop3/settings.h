// pop3/settings.h - settings that may change while sessions run; a session reads them at every command. Independent of
// options and files.
#pragma once

#include <cstdint>
#include <string>

#include "buzon/state/pop3_command.h"

namespace buzon::pop3 {

struct Settings {
    // Our host name in the challenges of APOP and CRAM-MD5 (--host).
    std::string host = "localhost";
    state::CommandSet disabled;
    // Refuse clear-text secrets on a channel that others may read; USER, PLAIN and LOGIN then leave CAPA.
    bool require_secure_channel = false;

    // SASL mechanisms. SCRAM should be on only while some user has a plain or SCRAM secret.
    bool plain = true;
    bool login = true;
    bool scram_sha_256 = true;
    bool cram_md5 = false;
    // Announce SCRAM-SHA-256-PLUS. It works wherever possible even if it is not announced, but clients that know other
    // types of channel binding must not choose it.
    bool announces_binding = false;
    bool tokens = false; // OAUTHBEARER and XOAUTH2

    // Whether some user's plain secret is known: then APOP works, and the greeting contains its challenge.
    bool plain_secrets_known = false;
    // Seconds between two logins of a user, enforced elsewhere; 0: none, and not announced (RFC 2449, 6.5).
    std::uint32_t login_delay = 0;
    // RETR and TOP refuse messages with more octets; 0: no limit.
    std::uint64_t max_message_size = 0;
    // STLS can be accepted now.
    bool tls_works = false;
};

} // namespace buzon::pop3
