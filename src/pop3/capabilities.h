// pop3/capabilities.h - what this session can use now (RFC 2449). CAPA, AUTH and the commands themselves all ask
// here, so that they cannot disagree.
#pragma once

#include <string>
#include <string_view>

#include "buzon/pop3/action.h"
#include "buzon/pop3/session.h"
#include "buzon/pop3/settings.h"

namespace buzon::pop3 {

// Whether a password may be sent on this channel.
[[nodiscard]] bool takes_clear_text(const Settings& settings, Channel channel) noexcept;

// The SASL mechanisms in order of preference: calls `use(Mechanism)` for each that is announced.
template <class Use>
void for_each_mechanism(const Settings& settings, Channel channel, Use use) {
    if (settings.scram_sha_256 && settings.announces_binding && channel == Channel::bound)
        use(Mechanism::scram_sha_256_plus);
    if (settings.scram_sha_256) use(Mechanism::scram_sha_256);
    if (settings.cram_md5 && settings.plain_secrets_known) use(Mechanism::cram_md5);
    if (!takes_clear_text(settings, channel)) return;
    if (settings.plain) use(Mechanism::plain);
    if (settings.login) use(Mechanism::login);
    if (settings.tokens) use(Mechanism::oauthbearer);
    if (settings.tokens) use(Mechanism::xoauth2);
}

// The lines of CAPA, including the final dot.
void append_capabilities(const Settings& settings, Channel channel, bool logged_in, std::string& out);
// Whether STLS is possible.
[[nodiscard]] bool offers_tls(const Settings& settings, Channel channel) noexcept;
// The lines of a bare AUTH, including the final dot.
void append_mechanisms(const Settings& settings, Channel channel, std::string& out);

} // namespace buzon::pop3
