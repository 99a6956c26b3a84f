// pop3/settings.h - what an operator may change while sessions run; a session reads it anew at every command. Knows no
// option, no file.
#pragma once

#include <cstdint>
#include <string>

#include "buzon/state/pop3_command.h"

namespace buzon::pop3 {

struct Settings {
    // Ours, in the challenges that APOP and CRAM-MD5 sign (--host).
    std::string host = "localhost";
    state::CommandSet disabled;
    // No clear-text secret is taken on a channel that others may read: USER, PLAIN and LOGIN then leave CAPA.
    bool require_secure_channel = false;

    // SASL mechanisms. SCRAM should be on only while it can work: while some user has a plain or a SCRAM secret.
    bool plain = true;
    bool login = true;
    bool scram_sha_256 = true;
    bool cram_md5 = false;

    // Some user's plain secret is known: APOP can work, and the greeting shows the challenge for it.
    bool plain_secrets_known = false;
    // Seconds between two logins of a user that are enforced elsewhere; 0: none, and not announced (RFC 2449, 6.5).
    std::uint32_t login_delay = 0;
    // RETR and TOP refuse messages with more octets; 0: no limit.
    std::uint64_t max_message_size = 0;
};

} // namespace buzon::pop3
