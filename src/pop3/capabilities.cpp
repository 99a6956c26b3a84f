#include "capabilities.h"

#include "buzon/message/search.h"
#include "reply.h"

namespace buzon::pop3 {

namespace {

void append_sasl(const Settings& settings, Channel channel, std::string& out) {
    const std::size_t before = out.size();
    for_each_mechanism(settings, channel, [&out, before](Mechanism mechanism) {
        out.append(out.size() == before ? "SASL " : " ").append(name_of(mechanism));
    });
    if (out.size() != before) out.append("\r\n");
}

} // namespace

bool takes_clear_text(const Settings& settings, Channel channel) noexcept {
    return channel != Channel::open || !settings.require_secure_channel;
}

bool offers_tls(const Settings& settings, Channel channel) noexcept {
    return settings.tls_works && channel < Channel::tls;
}

// Only STLS depends on the state: the other tags are the same before and after login (RFC 2449 section 5).
void append_capabilities(const Settings& settings, Channel channel, bool logged_in, std::string& out) {
    const auto enabled = [&settings](state::Pop3Command command) { return !settings.disabled.contains(command); };
    if (enabled(state::Pop3Command::top)) out.append("TOP\r\n");
    if (enabled(state::Pop3Command::uidl)) out.append("UIDL\r\n");
    if (enabled(state::Pop3Command::user) && enabled(state::Pop3Command::pass) && takes_clear_text(settings, channel)) {
        out.append("USER\r\n");
    }
    if (enabled(state::Pop3Command::auth)) append_sasl(settings, channel, out);
    if (offers_tls(settings, channel) && !logged_in) out.append("STLS\r\n");
    out.append("RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n");
    if (settings.login_delay != 0) {
        out.append("LOGIN-DELAY ");
        append_number(out, settings.login_delay);
        out.append("\r\n");
    }
    if (enabled(state::Pop3Command::utf8)) out.append("UTF8 USER\r\n");
    if (enabled(state::Pop3Command::lang)) out.append("LANG\r\n");
    if (enabled(state::Pop3Command::search)) out.append("SEARCH ").append(message::search_criteria).append("\r\n");
    if (enabled(state::Pop3Command::report)) out.append("REPORT\r\n");
    out.append("IMPLEMENTATION buzon-" BUZON_VERSION "\r\n.\r\n");
}

void append_mechanisms(const Settings& settings, Channel channel, std::string& out) {
    for_each_mechanism(settings, channel,
                       [&out](Mechanism mechanism) { out.append(name_of(mechanism)).append("\r\n"); });
    out.append(".\r\n");
}

} // namespace buzon::pop3
