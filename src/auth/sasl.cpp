#include "buzon/auth/sasl.h"

#include "login_text.h"

namespace buzon::auth {

Step PlainMachine::begin(const std::optional<std::string_view>& initial) const {
    return initial ? next(*initial) : Step{Challenge{}};
}

Step PlainMachine::next(std::string_view message) const {
    const std::size_t first = message.find('\0');
    const std::size_t second = first == message.npos ? first : message.find('\0', first + 1);
    if (second == message.npos) return Malformed{"PLAIN needs two NULs"};
    const std::string_view acts_for = message.substr(0, first);
    const std::string_view user = message.substr(first + 1, second - first - 1);
    const std::string_view password = message.substr(second + 1);
    if (!is_login_text(user) || !is_login_text(password))
        return Malformed{"PLAIN needs a user and a password in UTF-8"};
    if (!acts_for.empty() && prepared_user(acts_for) != prepared_user(user)) return Refused{};
    return CheckPlain{prepared_user(user), password};
}

Step LoginMachine::begin(const std::optional<std::string_view>& initial) {
    return initial ? next(*initial) : Step{Challenge{"Username:"}};
}

Step LoginMachine::next(std::string_view message) {
    if (!is_login_text(message)) return Malformed{"LOGIN needs a user and a password in UTF-8"};
    if (!user_.empty()) return CheckPlain{std::move(user_), message};
    user_ = prepared_user(message);
    return Challenge{"Password:"};
}

Step CramMd5Machine::begin(const std::optional<std::string_view>& initial) const {
    if (initial) return Malformed{"CRAM-MD5 takes no initial response"};
    return Challenge{challenge_};
}

Step CramMd5Machine::next(std::string_view message) const {
    const std::size_t space = message.rfind(' ');
    if (space == message.npos) return Malformed{"CRAM-MD5 needs a user and a digest"};
    const std::string_view user = message.substr(0, space);
    const std::string_view digest = message.substr(space + 1);
    if (!is_login_text(user) || digest.size() != 32) return Malformed{"CRAM-MD5 needs a user and a digest"};
    return CheckDigest{prepared_user(user), challenge_, std::string{digest}};
}

Exchange::Exchange(Mechanism mechanism, const std::string& random, std::string_view host,
                   const std::string& certificate_hash) {
    switch (mechanism) {
    case Mechanism::plain: machine_ = PlainMachine{}; break;
    case Mechanism::login: machine_ = LoginMachine{}; break;
    case Mechanism::cram_md5: machine_ = CramMd5Machine{'<' + random + '@' + std::string{host} + '>'}; break;
    case Mechanism::scram_sha_256: machine_ = ScramMachine{random, {certificate_hash, false}}; break;
    case Mechanism::scram_sha_256_plus: machine_ = ScramMachine{random, {certificate_hash, true}}; break;
    case Mechanism::oauthbearer: machine_ = TokenMachine{false}; break;
    case Mechanism::xoauth2: machine_ = TokenMachine{true}; break;
    }
}

Step Exchange::begin(const std::optional<std::string_view>& initial) {
    return std::visit([&initial](auto& machine) { return machine.begin(initial); }, machine_);
}

Step Exchange::next(std::string_view message) {
    return std::visit([message](auto& machine) { return machine.next(message); }, machine_);
}

Step Exchange::supply(ScramCredentials credentials, bool genuine) {
    auto* const scram = std::get_if<ScramMachine>(&machine_);
    return scram ? scram->supply(std::move(credentials), genuine) : Step{Malformed{"unexpected credentials"}};
}

} // namespace buzon::auth
