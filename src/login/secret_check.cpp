#include "buzon/login/secret_check.h"

#include "buzon/auth/user_name.h"
#include "buzon/event/memory.h"
#include "buzon/jobs/jobs.h"
#include "buzon/login/logins.h"
#include "buzon/login/program_answers.h"
#include "buzon/login/users.h"

namespace buzon::login {
namespace {

std::string_view cause_of(auth::Standing standing) {
    switch (standing) {
    case auth::Standing::unknown: return "unknown user";
    case auth::Standing::locked: return "locked account";
    case auth::Standing::nologin: return "nologin";
    case auth::Standing::wrong_network: return "not allowed from this address";
    case auth::Standing::open: break;
    }
    return "wrong password";
}

} // namespace

// Every callback runs through this. If one runs out of memory, the check still ends.
template <class Step>
void SecretCheck::go_on(Step step) {
    event::guarded(step, [this] {
        if (then_) failed({});
    });
}

SecretCheck::SecretCheck(LoginNeeds& needs, const net::Ip& ip, const std::string& user, const std::string& account,
                         Proof proof, OnEnd then)
    : needs_{needs}
    , ip_{ip}
    , source_{source_of(ip)}
    , user_{user}
    , account_{account}
    , proof_{std::move(proof)}
    , then_{std::move(then)} {}

std::string_view SecretCheck::shown() const noexcept {
    if (const auto* const password = std::get_if<pop3::CheckPassword>(&proof_)) return password->password;
    if (const auto* const token = std::get_if<pop3::CheckToken>(&proof_)) return token->token;
    return {};
}

std::string exchange_for(std::string_view account, std::uint64_t main_change) {
    return std::string{account} + '\n' + std::to_string(main_change); // no user name contains a line feed
}

void SecretCheck::start() {
    if (const auto* password = std::get_if<pop3::CheckPassword>(&proof_)) return check_password(*password);
    if (const auto* token = std::get_if<pop3::CheckToken>(&proof_)) return check_token(*token);
    if (const auto* proven = std::get_if<pop3::Authenticated>(&proof_)) return check_proven(*proven);
    if (std::holds_alternative<pop3::NotAuthenticated>(proof_)) return verified(false, "wrong proof");
    check_digest();
}

// Since the exchange began, the account may have been barred, or the name may have come to mean another account.
void SecretCheck::check_proven(const pop3::Authenticated& proof) {
    const auth::Credential now = needs_.users.base().credential(account_, source_, auth::Secrets::main);
    checked_.standing = now.standing;
    // With application passwords the account stays open, but an exchange proves only the main secret.
    const auto user = needs_.users.base().find(account_);
    if (user && user->locked && checked_.standing == auth::Standing::open) checked_.standing = auth::Standing::locked;
    if (checked_.standing == auth::Standing::open && proof.account != exchange_for(account_, now.main_change))
        return failed("the users changed during the login");
    verified(true, {});
}

void SecretCheck::check_password(const pop3::CheckPassword& proof) {
    const bool asks = needs_.logins.checkpassword().in_use() || needs_.logins.passwords().in_use();
    if (asks && !needs_.users.base().find(account_)) return ask_program(proof);
    const auth::Credential credential = needs_.users.base().credential(account_, source_);
    checked_.standing = credential.standing;
    if (const auto good = seen_of_late(credential, proof.password)) return verified(*good, *good ? "" : checked_.cause);
    ask_worker(credential.place, credential.vault, credential.slow, credential.changed);
}

// In the cache, each application password has a name of its own, with a line feed, which no user name contains.
std::string SecretCheck::remembered_as(std::string_view label) const {
    return label.empty() ? account_ : account_ + '\n' + std::string{label};
}

// Whether the login is good; std::nullopt if a worker has to check that.
std::optional<bool> SecretCheck::seen_of_late(const auth::Credential& credential, std::string_view password) {
    if (checked_.standing != auth::Standing::open) return std::nullopt;
    const auto remembers = [&](std::string_view label, std::uint64_t change) {
        return needs_.logins.successes().remembers(remembered_as(label), change, password, needs_.loop.now());
    };
    if (remembers("", credential.main_change)) return true;
    for (const auth::Application& one : needs_.users.base().applications_of(account_))
        if (one.fault.empty() && remembers(one.label, one.change)) return opens_with(one.label, one.change);
    return std::nullopt;
}

void SecretCheck::ask_worker(const auth::SecretPlace& place, auth::Vault vault, bool slow,
                             std::optional<auth::SecretPlace> otherwise) {
    const posix::SecretText& password = std::get<pop3::CheckPassword>(proof_).password;
    const auto answered = [this, place, slow, otherwise = std::move(otherwise),
                           epoch = needs_.logins.successes().epoch()](const worker::Answer& answer) {
        go_on([&] {
            const auto said = jobs::read<jobs::Verify>(answer);
            if (said.why || said.answer.right || !otherwise) return password_checked(answer, place, epoch);
            ask_worker(*otherwise, needs_.users.base().changed_vault(), slow, std::nullopt);
        });
    };
    verifying_ = needs_.hashes.of(slow).submit(jobs::order(jobs::Verify{place, password}, std::move(vault)), answered);
}

void SecretCheck::password_checked(const worker::Answer& answer, const auth::SecretPlace& place, std::uint64_t epoch) {
    const auto said = jobs::read<jobs::Verify>(answer);
    if (said.why) return failed("password check: " + said.why.message());
    if (!said.answer.right || checked_.standing != auth::Standing::open) return verified(false, "");
    const posix::SecretText& password = std::get<pop3::CheckPassword>(proof_).password;
    const std::string& label = said.answer.label;
    const bool good = label.empty() || opens_with(label, place.change);
    if (good && epoch == needs_.logins.successes().epoch()) {
        needs_.logins.successes().remember(remembered_as(label),
                                           label.empty() ? place.change : checked_.application.change, password,
                                           needs_.loop.now());
    }
    verified(good, good ? "" : checked_.cause);
}

// Whether the application password with this label, which the client has sent, lets it in: it may have expired, be for
// other networks, or have been removed meanwhile. `checked`: the change up to which the user's secrets were compared; a
// newer password with the same label is a different one.
bool SecretCheck::opens_with(const std::string& label, std::uint64_t checked) {
    for (auth::Application& one : needs_.users.base().applications_of(account_)) {
        if (one.label != label || !one.fault.empty() || one.change > checked) continue;
        const std::string name = "application password " + label;
        if (one.expires && std::chrono::system_clock::now() >= *one.expires) {
            checked_.cause = name + " has expired";
            return false;
        }
        if (!auth::allows(one, source_)) {
            checked_.standing = auth::Standing::wrong_network;
            checked_.cause = name + " is not allowed from this address";
            return false;
        }
        checked_.application = std::move(one);
        return true;
    }
    checked_.cause = "the application password was removed during the login";
    return false;
}

void SecretCheck::check_digest() {
    const auth::Credential credential = needs_.users.base().credential(account_, source_, auth::Secrets::main);
    checked_.standing = credential.standing;
    jobs::CheckDigest check{credential.place, false, {}, {}};
    if (const auto* apop = std::get_if<pop3::CheckApop>(&proof_)) {
        check.apop = true;
        check.challenge = apop->challenge;
        check.digest = apop->digest;
    } else {
        const auto& cram = std::get<pop3::CheckCram>(proof_);
        check.challenge = cram.challenge;
        check.digest = cram.digest;
    }
    verifying_ = needs_.hashes.quick.submit(jobs::order(check, credential.vault), [this](const worker::Answer& answer) {
        go_on([&] {
            const auto said = jobs::read<jobs::CheckDigest>(answer);
            if (said.why) return failed("digest check: " + said.why.message());
            verified(said.answer.right, said.answer.right ? "" : "wrong digest, or no plain password is known");
        });
    });
}

void SecretCheck::ask_program(const pop3::CheckPassword& proof) {
    // The program knows nothing of mail roots, so it is not asked about a name that could lead outside ours.
    const std::string_view fault = auth::fault_of_user_name(user_);
    if (!fault.empty()) return verified(false, fault);
    if (needs_.logins.passwords().in_use()) {
        question_ = std::make_unique<LinePrograms::Question>(
            needs_.logins.passwords(), password_question(user_, proof.password, ip_.text()),
            [this](std::string_view answer, const std::string& why) {
                go_on([&] {
                    program_said(why.empty() ? read_password_answer(answer) : PasswordAnswer{{}, why, {}, {}});
                });
            });
        return;
    }
    auto message = checkpassword_message(user_, proof.password);
    if (!message) return verified(false, "name and password are too long for checkpassword, or contain a NUL");
    asking_ = std::make_unique<CheckpasswordRun>(
        needs_.logins.checkpassword(), std::move(*message),
        [this](const PasswordAnswer& answer) { go_on([&] { program_said(answer); }); });
}

void SecretCheck::program_said(const PasswordAnswer& answer) {
    if (answer.verdict == Verdict::unknown) return failed("checkpassword: " + answer.why);
    if (answer.verdict == Verdict::right) vouch(answer.home, answer.ids);
    verified(answer.verdict == Verdict::right, "rejected by checkpassword");
}

// A user who is in no file is accepted if the program says that the token belongs to that name.
void SecretCheck::check_token(const pop3::CheckToken& proof) {
    if (const auto fault = auth::fault_of_user_name(user_); !fault.empty()) return verified(false, fault);
    const bool listed = needs_.users.base().find(account_).has_value();
    if (listed) checked_.standing = needs_.users.base().credential(account_, source_).standing;
    if (checked_.standing == auth::Standing::locked)
        checked_.standing = auth::Standing::open; // only the password is locked
    question_ =
        std::make_unique<LinePrograms::Question>(needs_.logins.tokens(), token_question(account_, proof.token),
                                                 [this, listed](std::string_view answer, const std::string& why) {
                                                     go_on([&] { token_checked(answer, why, listed); });
                                                 });
}

void SecretCheck::token_checked(std::string_view answer, const std::string& why, bool listed) {
    if (!why.empty()) return failed("token: " + why);
    const TokenAnswer said = read_token_answer(answer);
    const bool right = said.name == account_;
    if (right && !listed) vouch({}, {});
    checked_.token_error = auth::token_error(said.name.empty() ? said.status : "invalid_token", said.scope);
    verified(right, right ? "" : said.name.empty() ? "token refused: " + said.status : "token of " + said.name);
}

// Records where the mail is of a user who is in no file and whom a program has accepted.
void SecretCheck::vouch(const std::string& home, const posix::Ids& owner) {
    const std::string maildir = home.empty() ? needs_.users.root() + '/' + user_ : home + "/Maildir";
    needs_.users.vouched().note(user_, {maildir, owner});
}

void SecretCheck::verified(bool right, std::string_view cause) {
    if (right && checked_.standing == auth::Standing::open) {
        checked_.verdict = Verdict::right;
    } else {
        checked_.verdict = Verdict::wrong;
        checked_.cause = std::string{cause.empty() ? cause_of(checked_.standing) : cause};
    }
    end();
}

void SecretCheck::failed(std::string cause) {
    checked_.verdict = Verdict::unknown;
    checked_.cause = std::move(cause);
    end();
}

void SecretCheck::end() {
    const OnEnd then = std::exchange(then_, nullptr);
    then(std::move(checked_));
}

} // namespace buzon::login
