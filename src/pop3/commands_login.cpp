// The commands of the AUTHORIZATION state except AUTH (RFC 1939 sections 4 and 7, RFC 6856).
#include <utility>

#include "buzon/auth/user_name.h"
#include "buzon/line/command_line.h"
#include "buzon/line/utf8.h"
#include "capabilities.h"
#include "commands.h"
#include "reply.h"

namespace buzon::pop3 {

Action Commands::refuse_clear_text(Session& session, std::string user, Mechanism mechanism, std::string& out) {
    if (!session.out_of_tries()) ++session.wrong_logins_;
    err(out, Code::auth, session.texts().clear_text_refused);
    return ClearTextRefused{std::move(user), mechanism};
}

Action Commands::user(Session& session, std::string_view arguments, std::string& out) {
    session.authorization().user.clear();
    const std::string_view name = line::without_outer_spaces(arguments);
    if (!takes_clear_text(*session.settings_, session.channel_)) {
        return refuse_clear_text(session, line::is_utf8(name) ? auth::prepared_user(name) : "", Mechanism::pass, out);
    }
    if (!line::is_utf8(name)) {
        err(out, Code::none, session.texts().not_utf8);
    } else {
        // The reply must not reveal whether the user exists.
        session.authorization().user = auth::prepared_user(name);
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
    // Checked again, since the setting may have changed since USER.
    if (!takes_clear_text(*session.settings_, session.channel_)) {
        return refuse_clear_text(session, std::exchange(authorization.user, {}), Mechanism::pass, out);
    }
    if (!line::is_utf8(password)) {
        authorization.user.clear();
        err(out, Code::none, session.texts().not_utf8);
        return Continue{};
    }
    return CheckPassword{authorization.user, password, Mechanism::pass};
}

Action Commands::apop(Session& session, std::string_view arguments, std::string& out) {
    Session::Authorization& authorization = session.authorization();
    authorization.user.clear();
    if (authorization.challenge.empty()) {
        err(out, Code::none, session.texts().no_apop);
        return Continue{};
    }
    const std::string_view name = line::take_word(arguments);
    if (!line::is_utf8(name)) {
        err(out, Code::none, session.texts().not_utf8);
        return Continue{};
    }
    authorization.user = auth::prepared_user(name);
    return CheckApop{authorization.user, std::string{line::take_word(arguments)}, authorization.challenge};
}

Action Commands::utf8(Session& session, std::string_view, std::string& out) {
    session.utf8_ = true;
    ok(out, session.texts().utf8_enabled);
    return Continue{};
}

} // namespace buzon::pop3
