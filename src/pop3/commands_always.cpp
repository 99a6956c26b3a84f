// The commands of both states: QUIT, CAPA (RFC 2449), LANG (RFC 6856), and STLS (RFC 2595).
#include "buzon/line/command_line.h"
#include "capabilities.h"
#include "commands.h"
#include "reply.h"

namespace buzon::pop3 {

namespace {

// RFC 4647 section 3.4, lookup: "es-MX" gets "es". "*" asks for the administrator's preference.
std::optional<std::size_t> find_language(std::string_view range) noexcept {
    if (range == "*") return 0;
    const auto all = catalogues();
    while (!range.empty()) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (line::equals_ignoring_case(all[i]->tag, range)) return i;
        }
        const std::size_t dash = range.rfind('-');
        range = range.substr(0, dash == std::string_view::npos ? 0 : dash);
    }
    return std::nullopt;
}

} // namespace

Action Commands::quit(Session& session, std::string_view, std::string& out) {
    if (session.state_ == Session::State::transaction) {
        session.state_ = Session::State::update;
        return Update{};
    }
    ok(out, session.texts().goodbye);
    return Close{Close::Why::quit};
}

Action Commands::capa(Session& session, std::string_view, std::string& out) {
    ok(out, session.texts().capabilities_follow);
    const bool logged_in = session.state_ == Session::State::transaction;
    append_capabilities(*session.settings_, session.channel_, logged_in, out);
    return Continue{};
}

Action Commands::lang(Session& session, std::string_view arguments, std::string& out) {
    const std::string_view range = line::take_word(arguments);
    if (range.empty()) {
        ok(out, session.texts().languages_follow);
        for (const Catalogue* language : catalogues()) {
            out.append(language->tag).append(" ").append(language->name).append("\r\n");
        }
        out.append(".\r\n");
        return Continue{};
    }
    const std::optional<std::size_t> found = find_language(range);
    if (!found) {
        err(out, Code::none, session.texts().unknown_language);
        return Continue{};
    }
    session.language_ = static_cast<Session::Language>(*found);
    out.append("+OK ").append(session.texts().tag).append(" ");
    out.append(session.texts().language_changed).append("\r\n");
    return Continue{};
}

Action Commands::stls(Session& session, std::string_view, std::string& out) {
    if (session.state_ == Session::State::transaction && session.settings_->tls_works) {
        err(out, Code::none, session.texts().only_before_login);
    } else if (!offers_tls(*session.settings_, session.channel_)) {
        err(out, Code::none, session.texts().tls_not_here);
    } else {
        ok(out, session.texts().tls_begins);
        return StartTls{};
    }
    return Continue{};
}

} // namespace buzon::pop3
