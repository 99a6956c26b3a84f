// The commands of the AUTHORIZATION state (RFC 1939 sections 4 and 7, RFC 5034, RFC 6856).
#include "buzon/auth/utf8.h"
#include "buzon/line/command_line.h"
#include "capabilities.h"
#include "commands.h"
#include "exchange.h"
#include "reply.h"

namespace buzon::pop3 {

Action Commands::user(Session& session, std::string_view arguments, std::string& out) {
    session.authorization().user.clear();
    const std::string_view name = line::without_outer_spaces(arguments);
    if (!takes_clear_text(*session.settings_, session.channel_)) {
        err(out, Code::auth, session.texts().clear_text_refused);
    } else if (!auth::is_utf8(name)) {
        err(out, Code::none, session.texts().not_utf8);
    } else {
        // Whether there is such a user is nobody's business before the password.
        session.authorization().user = name;
        ok(out, session.texts().user_accepted);
    }
    return Continue{};
}

Action Commands::pass(Session& session, std::string_view password, std::string& out) {
    Session::Authorization& authorization = session.authorization();
    if (authorization.user.empty()) {
        err(out, Code::none, session.texts().user_first);
        return Continue{};
    }
    // Asked again here: the operator may have changed his mind since USER.
    if (!takes_clear_text(*session.settings_, session.channel_)) {
        authorization.user.clear();
        err(out, Code::auth, session.texts().clear_text_refused);
        return Continue{};
    }
    if (!auth::is_utf8(password)) {
        authorization.user.clear();
        err(out, Code::none, session.texts().not_utf8);
        return Continue{};
    }
    return CheckPassword{authorization.user, std::string{password}, Mechanism::pass};
}

Action Commands::apop(Session& session, std::string_view arguments, std::string& out) {
    Session::Authorization& authorization = session.authorization();
    authorization.user.clear();
    if (!authorization.apop_offered) {
        err(out, Code::none, session.texts().no_apop);
        return Continue{};
    }
    const std::string_view name = line::take_word(arguments);
    if (!auth::is_utf8(name)) {
        err(out, Code::none, session.texts().not_utf8);
        return Continue{};
    }
    authorization.user = name;
    return CheckApop{authorization.user, std::string{line::take_word(arguments)}, authorization.unique};
}

Action Commands::auth(Session& session, std::string_view arguments, std::string& out) {
    session.authorization().user.clear();
    if (line::take_word(arguments).empty()) {
        ok(out, session.texts().mechanisms_follow);
        append_mechanisms(*session.settings_, session.channel_, out);
        return Continue{};
    }
    err(out, Code::none, session.texts().unknown_mechanism);
    return Continue{};
}

Action Commands::utf8(Session& session, std::string_view, std::string& out) {
    session.utf8_ = true;
    ok(out, session.texts().utf8_enabled);
    return Continue{};
}

} // namespace buzon::pop3
