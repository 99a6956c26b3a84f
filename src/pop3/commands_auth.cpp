// AUTH (RFC 5034): the command, its base64 responses, and the steps of the mechanism.
#include <utility>

#include "buzon/digest/base64.h"
#include "buzon/line/command_line.h"
#include "capabilities.h"
#include "commands.h"
#include "exchange.h"
#include "reply.h"

namespace buzon::pop3 {

namespace {

// The mechanism with that name, if it can be used now.
std::optional<Mechanism> find_mechanism(const Settings& settings, Channel channel, std::string_view name) {
    std::optional<Mechanism> found;
    for_each_mechanism(settings, channel, [&found, name](Mechanism mechanism) {
        if (line::equals_ignoring_case(name_of(mechanism), name)) found = mechanism;
    });
    constexpr Mechanism plus = Mechanism::scram_sha_256_plus; // announced or not
    const bool binds = settings.scram_sha_256 && channel == Channel::bound;
    return binds && line::equals_ignoring_case(name_of(plus), name) ? plus : found;
}

auth::Mechanism machine_of(Mechanism mechanism) noexcept {
    switch (mechanism) {
    case Mechanism::login: return auth::Mechanism::login;
    case Mechanism::scram_sha_256: return auth::Mechanism::scram_sha_256;
    case Mechanism::cram_md5: return auth::Mechanism::cram_md5;
    case Mechanism::scram_sha_256_plus: return auth::Mechanism::scram_sha_256_plus;
    case Mechanism::oauthbearer: return auth::Mechanism::oauthbearer;
    case Mechanism::xoauth2: return auth::Mechanism::xoauth2;
    default: return auth::Mechanism::plain;
    }
}

// The mechanism with that name, if TLS is all that it needs to be usable.
std::optional<Mechanism> clear_text_mechanism(const Settings& settings, std::string_view name) {
    const std::optional<Mechanism> found = find_mechanism(settings, Channel::secure, name);
    const bool clear = found == Mechanism::plain || found == Mechanism::login || found == Mechanism::oauthbearer ||
                       found == Mechanism::xoauth2;
    return clear ? found : std::nullopt;
}

// A message from the client, which may contain a password.
struct Decoded {
    explicit Decoded(std::string_view base64) : octets{digest::decode_base64(base64)} {}
    Decoded(const Decoded&) = delete;
    Decoded& operator=(const Decoded&) = delete;
    ~Decoded() {
        if (octets) posix::wipe(*octets);
    }
    std::optional<std::string> octets;
};

// The user name, if an initial response contains it.
std::string user_of_plain(Mechanism mechanism, std::string_view initial) {
    const Decoded message{initial};
    if (mechanism != Mechanism::plain || !message.octets) return {};
    auto step = auth::PlainMachine{}.begin(*message.octets);
    auto* const check = std::get_if<auth::CheckPlain>(&step);
    return check ? std::move(check->user) : std::string{};
}

} // namespace

Action Commands::auth(Session& session, std::string_view arguments, std::string& out) {
    const Settings& settings = *session.settings_;
    Session::Authorization& authorization = session.authorization();
    authorization.user.clear();
    const std::string_view name = line::take_word(arguments);
    if (name.empty()) {
        // Not in the RFC, but Outlook asks for the list this way.
        ok(out, session.texts().mechanisms_follow);
        append_mechanisms(settings, session.channel_, out);
        return Continue{};
    }
    const std::optional<Mechanism> mechanism = find_mechanism(settings, session.channel_, name);
    if (const auto clear = clear_text_mechanism(settings, name); clear && !mechanism) {
        return refuse_clear_text(session, user_of_plain(*clear, line::take_word(arguments)), *clear, out);
    }
    if (!mechanism) {
        err(out, Code::none, session.texts().unknown_mechanism);
        return Continue{};
    }
    // A client that supports channel binding but does not use it is refused only if it should have seen that we support
    // it, too.
    const bool binds = settings.announces_binding || *mechanism == Mechanism::scram_sha_256_plus;
    authorization.exchange = std::make_unique<Exchange>(
        Exchange{*mechanism, auth::Exchange{machine_of(*mechanism), authorization.fresh_text(), settings.host,
                                            binds ? authorization.certificate_hash : std::string{}}});

    const std::string_view initial = line::take_word(arguments);
    if (initial.empty()) return follow(session, authorization.exchange->machine.begin(std::nullopt), out);
    // "=" is an empty initial response.
    const Decoded message{initial == "=" ? std::string_view{} : initial};
    if (!message.octets) return follow(session, auth::Malformed{}, out);
    return follow(session, authorization.exchange->machine.begin(*message.octets), out);
}

// Handles a line from the client during an exchange.
Action Commands::answer(Session& session, std::string_view line, std::string& out) {
    Session::Authorization& authorization = session.authorization();
    if (line == "*") {
        authorization.exchange.reset();
        err(out, Code::none, session.texts().auth_cancelled);
        return Continue{};
    }
    const Decoded message{line};
    if (!message.octets) return follow(session, auth::Malformed{}, out);
    return follow(session, authorization.exchange->machine.next(*message.octets), out);
}

void Commands::supply(Session& session, auth::ScramCredentials credentials, bool genuine, std::string& out) {
    // The result is a challenge, so the connection has nothing to do.
    (void)follow(session, session.authorization().exchange->machine.supply(std::move(credentials), genuine), out);
}

// Turns a step of the mechanism into an Action. A step that needs no further message from the client ends the exchange.
Action Commands::follow(Session& session, auth::Step step, std::string& out) {
    Session::Authorization& authorization = session.authorization();
    if (const auto* challenge = std::get_if<auth::Challenge>(&step)) {
        out.append("+ ").append(digest::encode_base64(challenge->text)).append("\r\n");
        return Continue{};
    }
    if (auto* needed = std::get_if<auth::NeedCredentials>(&step)) {
        authorization.user = needed->user;
        return GetScram{std::move(needed->user)};
    }
    if (auto* check = std::get_if<auth::CheckToken>(&step)) { // the exchange may continue
        authorization.user = check->user;
        return CheckToken{std::move(check->user), std::move(check->token), authorization.exchange->mechanism};
    }
    if (auto* proven = std::get_if<auth::Proven>(&step)) {
        authorization.exchange->signature = std::move(proven->text);
        return ProofWaits{authorization.user, authorization.exchange->mechanism};
    }
    const std::unique_ptr<Exchange> ended = std::exchange(authorization.exchange, nullptr);
    const Mechanism mechanism = ended->mechanism;
    if (std::holds_alternative<auth::Dismissed>(step)) { // already counted as wrong
        authorization.user.clear();
        err(out, Code::auth, session.texts().wrong_password);
        return Continue{};
    }
    if (auto* check = std::get_if<auth::CheckPlain>(&step)) {
        authorization.user = check->user;
        return CheckPassword{std::move(check->user), std::move(check->password), mechanism};
    }
    if (auto* check = std::get_if<auth::CheckDigest>(&step)) {
        authorization.user = check->user;
        return std::move(*check);
    }
    if (std::holds_alternative<auth::Accepted>(step))
        return Authenticated{authorization.user, mechanism, std::move(ended->account)};
    if (std::holds_alternative<auth::Refused>(step)) return NotAuthenticated{authorization.user, mechanism};
    authorization.user.clear();
    err(out, Code::none, session.texts().auth_bad_answer);
    return Continue{};
}

} // namespace buzon::pop3
