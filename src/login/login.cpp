#include "buzon/login/login.h"

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
    case auth::Standing::wrong_network: return "not from this address";
    case auth::Standing::open: break;
    }
    return "wrong password";
}

} // namespace

// Entry points from outside the turn. If one runs out of memory, the login still ends.
template <class Step>
void Login::go_on(Step step) {
    event::guarded(step, [this] {
        if (then_) end(LoginRefused{});
    });
}

Login::Login(LoginNeeds& needs, std::uint64_t session, const ClientInfo& client, event::Instant until, Proof proof,
             OnEnd then)
    : needs_{needs}
    , session_{session}
    , ip_{client.address.ip}
    , source_{source_of(ip_)}
    , place_{client.place}
    , until_{until}
    , proof_{std::move(proof)}
    , user_{std::visit([](const auto& p) { return p.user; }, proof_)}
    , account_{needs.users.account_of(user_)}
    , then_{std::move(then)}
    , lock_waiter_{[this] { go_on([&] { open_maildrop(); }); }}
    , waiter_{[this](SnapshotResult result) { go_on([&] { opened(std::move(result)); }); }}
    , root_waiter_{[this](bool usable) {
        go_on([&] {
            if (usable) return open_maildrop();
            refuse(pop3::Refusal::maildrop_unavailable, "the mail root has gone");
        });
    }} {}

std::optional<LoginEnd> Login::start() {
    starting_ = true;
    const std::optional<auth::User> user = needs_.users.base().find(account_.user);
    if (place_ == ClientInfo::Place::local || (user && user->nodelay)) {
        check_proof();
    } else {
        switch (needs_.logins.turns().ask(*this, guesser(), account_.user, needs_.loop.now(), until_)) {
        case auth::Turns::Answer::now: check_proof(); break;
        case auth::Turns::Answer::later: break;
        case auth::Turns::Answer::too_long: too_long(); break;
        }
    }
    starting_ = false;
    return std::exchange(early_, std::nullopt);
}

void Login::your_turn() {
    go_on([this] { check_proof(); });
}

void Login::too_long() {
    go_on([this] { refuse(pop3::Refusal::throttled, "too many failed logins before this one"); });
}

void Login::check_proof() {
    if (const auto* password = std::get_if<pop3::CheckPassword>(&proof_)) return check_password(*password);
    if (const auto* token = std::get_if<pop3::CheckToken>(&proof_)) return check_token(*token);
    if (std::holds_alternative<pop3::Authenticated>(proof_)) return verified(true, {});
    if (std::holds_alternative<pop3::NotAuthenticated>(proof_)) return verified(false, "wrong proof");
    check_digest();
}

void Login::check_password(const pop3::CheckPassword& proof) {
    const bool asks = needs_.logins.checkpassword().in_use() || needs_.logins.passwords().in_use();
    if (asks && !needs_.users.base().find(account_.user)) return ask_program(proof);
    const auth::Credential credential = needs_.users.base().credential(account_.user, source_);
    standing_ = credential.standing;
    if (const auto good = seen_of_late(credential, proof.password)) return verified(*good, *good ? "" : cause_);
    ask_worker(credential.place, credential.vault, credential.slow, credential.changed);
}

// In the cache, each application password stands under a name of its own: no user's name has a line end.
std::string Login::remembered_as(std::string_view label) const {
    return label.empty() ? account_.user : account_.user + '\n' + std::string{label};
}

// Whether the login is good; nothing if a worker must say so.
std::optional<bool> Login::seen_of_late(const auth::Credential& credential, std::string_view password) {
    if (standing_ != auth::Standing::open) return std::nullopt;
    const auto remembers = [&](std::string_view label, std::uint64_t change) {
        return needs_.logins.successes().remembers(remembered_as(label), change, password, needs_.loop.now());
    };
    if (remembers("", credential.main_change)) return true;
    for (const auth::Application& one : needs_.users.base().applications_of(account_.user))
        if (one.fault.empty() && remembers(one.label, one.change)) return opens_with(one.label, one.change);
    return std::nullopt;
}

void Login::ask_worker(const auth::SecretPlace& place, auth::Vault vault, bool slow,
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

void Login::password_checked(const worker::Answer& answer, const auth::SecretPlace& place, std::uint64_t epoch) {
    const auto said = jobs::read<jobs::Verify>(answer);
    if (said.why) return refuse(pop3::Refusal::temporary, "password check: " + said.why.message());
    if (!said.answer.right || standing_ != auth::Standing::open) return verified(false, "");
    const posix::SecretText& password = std::get<pop3::CheckPassword>(proof_).password;
    const std::string& label = said.answer.label;
    const bool good = label.empty() || opens_with(label, place.change);
    if (good && epoch == needs_.logins.successes().epoch()) {
        needs_.logins.successes().remember(remembered_as(label), label.empty() ? place.change : application_.change,
                                           password, needs_.loop.now());
    }
    verified(good, good ? "" : cause_);
}

// The password is this application password. Whether it lets the client in: what it is good for may have ended.
// It was checked against the user's secrets up to that change.
bool Login::opens_with(const std::string& label, std::uint64_t checked) {
    for (auth::Application& one : needs_.users.base().applications_of(account_.user)) {
        if (one.label != label || !one.fault.empty() || one.change > checked) continue;
        const std::string name = "application password " + label;
        if (one.expires && std::chrono::system_clock::now() >= *one.expires) {
            cause_ = name + " has expired";
            return false;
        }
        if (!auth::allows(one, source_)) {
            standing_ = auth::Standing::wrong_network;
            cause_ = name + " is not for this address";
            return false;
        }
        application_ = std::move(one);
        return true;
    }
    cause_ = "the application password was removed in the meantime";
    return false;
}

void Login::check_digest() {
    const auth::Credential credential = needs_.users.base().credential(account_.user, source_, auth::Secrets::main);
    standing_ = credential.standing;
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
            if (said.why) return refuse(pop3::Refusal::temporary, "digest check: " + said.why.message());
            verified(said.answer.right, said.answer.right ? "" : "wrong digest, or no plain password is known");
        });
    });
}

void Login::ask_program(const pop3::CheckPassword& proof) {
    // The program knows nothing of mail roots, so it is not asked about a name that could lead outside ours.
    const std::string_view fault = auth::fault_of_user_name(user_);
    if (!fault.empty()) return verified(false, fault);
    by_program_ = true;
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
    if (!message) return verified(false, "too long for checkpassword");
    asking_ = std::make_unique<CheckpasswordRun>(
        needs_.logins.checkpassword(), std::move(*message),
        [this](const PasswordAnswer& answer) { go_on([&] { program_said(answer); }); });
}

void Login::program_said(const PasswordAnswer& answer) {
    if (answer.verdict == Verdict::unknown) return refuse(pop3::Refusal::temporary, "checkpassword: " + answer.why);
    home_ = answer.home;
    owner_ = answer.ids;
    verified(answer.verdict == Verdict::right, "rejected by checkpassword");
}

// Somebody who is in no file is whom the program names.
void Login::check_token(const pop3::CheckToken& proof) {
    if (const auto fault = auth::fault_of_user_name(user_); !fault.empty()) return verified(false, fault);
    by_program_ = !needs_.users.base().find(account_.user);
    if (!by_program_) standing_ = needs_.users.base().credential(account_.user, source_).standing;
    if (standing_ == auth::Standing::locked) standing_ = auth::Standing::open; // that is only the password
    question_ = std::make_unique<LinePrograms::Question>(
        needs_.logins.tokens(), token_question(account_.user, proof.token),
        [this](std::string_view answer, const std::string& why) { go_on([&] { token_checked(answer, why); }); });
}

void Login::token_checked(std::string_view answer, const std::string& why) {
    if (!why.empty()) return refuse(pop3::Refusal::temporary, "token: " + why);
    const TokenAnswer said = read_token_answer(answer);
    const bool right = said.name == account_.user;
    token_error_ = auth::token_error(said.name.empty() ? said.status : "invalid_token", said.scope);
    verified(right, right ? "" : said.name.empty() ? "token refused: " + said.status : "token of " + said.name);
}

// The source that a wrong attempt counts against.
std::optional<auth::Source> Login::guesser() const {
    return place_ == ClientInfo::Place::behind_front ? std::nullopt : source_;
}

void Login::count(bool right) {
    if (place_ == ClientInfo::Place::local) return;
    // A digest differs each time, so only a plaintext password or a token can be recognized.
    std::string_view shown;
    if (const auto* const password = std::get_if<pop3::CheckPassword>(&proof_)) shown = password->password;
    if (const auto* const token = std::get_if<pop3::CheckToken>(&proof_)) shown = token->token;
    const auth::Guessers::Found found = needs_.logins.turns().ended(
        *this, guesser(), account_.user, right ? auth::Turns::Verdict::right : auth::Turns::Verdict::wrong, shown,
        needs_.loop.now());
    if (found.source) tell_of_guessing("ip", ip_.text());
    if (found.user) tell_of_guessing("user", account_.user);
}

void Login::tell_of_guessing(std::string_view key, const std::string& who) {
    ++needs_.metrics.guessing;
    const auto now = std::chrono::system_clock::now();
    if (key == "user")
        needs_.events.publish(state::EventType::guessing, now, session_, who, {});
    else
        needs_.events.publish(state::EventType::guessing, now, session_, {}, {{key, who}});
}

void Login::verified(bool right, std::string_view cause) {
    right = right && standing_ == auth::Standing::open;
    count(right);
    if (!right) {
        return refuse(pop3::Refusal::wrong, std::string{cause.empty() ? cause_of(standing_) : cause});
    }
    if (by_program_) {
        const std::string& root = needs_.users.root();
        needs_.users.vouched().note(user_, {home_.empty() ? root + '/' + user_ : home_ + "/Maildir", owner_});
    }
    maildir_ = needs_.users.maildir_of(user_);
    if (maildir_.empty()) return refuse(pop3::Refusal::wrong, "the user was removed in the meantime");
    const std::uint32_t to_go =
        needs_.logins.delays().seconds_to_go(user_, needs_.settings.login_delay, needs_.loop.now());
    if (to_go > 0) return refuse(pop3::Refusal::too_soon, "login delay", to_go);
    open_maildrop();
}

void Login::open_maildrop() {
    if (!needs_.root.ready(root_waiter_)) return;
    mark_ = needs_.root.root().mark;
    std::optional<Locks::Outcome> taken = needs_.locks.take(maildir_, needs_.settings.sessions, session_, lock_waiter_);
    if (!taken) return;
    if (const auto* why = std::get_if<std::error_code>(&*taken)) {
        if (RootKeeper::is_sign(*why) && !second_try_) return no_root();
        return refuse(pop3::Refusal::maildrop_unavailable, "maildrop cannot be locked: " + why->message());
    }
    if (const auto* holder = std::get_if<local::LockHolder>(&*taken)) {
        return refuse(pop3::Refusal::in_use, holder->here
                                                 ? "maildrop locked by session " + std::to_string(holder->session)
                                                 : "maildrop locked by another server");
    }
    lock_ = std::move(std::get<MaildropLock>(*taken));
    const posix::Ids owner = needs_.users.owner_of(user_);
    if (auto snapshot =
            needs_.maildrops.open(maildir_, owner, needs_.users.control_of(user_), waiter_, !account_.folder.empty()))
        opened(std::move(snapshot));
}

// Looks for the root again, then tries this login once more.
void Login::no_root() {
    second_try_ = true;
    (void)lock_.release();
    waiter_.hear([this](SnapshotResult result) { go_on([&] { opened(std::move(result)); }); });
    needs_.root.gone(mark_);
    open_maildrop();
}

void Login::opened(SnapshotResult result) {
    for (const std::string& line : waiter_.findings().warnings)
        needs_.events.log(state::Level::warning, std::chrono::system_clock::now(), line, session_, user_);
    if (result) {
        const posix::Ids owner = needs_.users.owner_of(user_);
        return end(LoggedIn{message::Maildrop{std::move(result).value()}, maildir_, owner,
                            needs_.maildrops.is_local(maildir_), needs_.maildrops.may_touch(maildir_, owner),
                            std::move(lock_), application_.label, application_.rights});
    }
    const std::error_code why = result.error();
    if (why == message::root_has_gone() && !second_try_) return no_root();
    // No worker can be started for what is not there.
    const bool no_worker = !account_.folder.empty() && why == std::errc::no_such_file_or_directory;
    if (no_worker || why == message::no_such_folder()) return refuse(pop3::Refusal::wrong, "no such folder");
    if (why == message::uidls_would_change()) return breaker_tripped(waiter_.findings().change);
    // Only an operator can fix these; the others may resolve themselves soon.
    const bool lasting = why == std::errc::permission_denied || why == std::errc::not_a_directory ||
                         why == std::errc::read_only_file_system || why == std::errc::too_many_symbolic_link_levels ||
                         why == std::errc::operation_not_permitted;
    const std::string& trouble = waiter_.findings().trouble;
    refuse(lasting ? pop3::Refusal::maildrop_broken : pop3::Refusal::maildrop_unavailable,
           trouble.empty() ? maildir_ + ": " + why.message() : trouble);
}

// Clients would download everything again, so an operator has to approve this.
void Login::breaker_tripped(const message::UidlChange& change) {
    needs_.events.publish(state::EventType::uidl, std::chrono::system_clock::now(), session_, user_,
                          {{"action", "closed"},
                           {"changed", change.changed},
                           {"known", change.known},
                           {"uidl-breaker", needs_.settings.uidl_breaker},
                           {"maildir", maildir_}});
    refuse(pop3::Refusal::maildrop_unavailable,
           std::to_string(change.changed) + " of " + std::to_string(change.known) +
               " known messages would get a different UIDL; FREE accepts that",
           state::Refused::uidl_breaker);
}

void Login::refuse(pop3::Refusal why, std::string cause, std::optional<std::uint32_t> seconds) {
    end(LoginRefused{why, seconds, std::move(cause), reason_of(why),
                     why == pop3::Refusal::wrong ? std::move(token_error_) : std::string{}});
}

void Login::refuse(pop3::Refusal why, std::string cause, state::Refused reason) {
    end(LoginRefused{why, std::nullopt, std::move(cause), reason, {}});
}

state::Refused Login::reason_of(pop3::Refusal why) const {
    switch (why) {
    case pop3::Refusal::wrong:
    case pop3::Refusal::not_permitted: break;
    case pop3::Refusal::temporary: return state::Refused::check_failed;
    case pop3::Refusal::throttled: return state::Refused::throttled;
    case pop3::Refusal::in_use: return state::Refused::in_use;
    case pop3::Refusal::too_soon: return state::Refused::login_delay;
    case pop3::Refusal::too_many_sessions: return state::Refused::max_per_user;
    case pop3::Refusal::maildrop_unavailable:
    case pop3::Refusal::maildrop_broken: return state::Refused::maildrop;
    }
    switch (standing_) {
    case auth::Standing::unknown: return state::Refused::unknown_user;
    case auth::Standing::locked: return state::Refused::locked_account;
    case auth::Standing::nologin: return state::Refused::nologin;
    case auth::Standing::wrong_network: return state::Refused::allow_nets;
    case auth::Standing::open: break;
    }
    return state::Refused::wrong_secret;
}

void Login::end(LoginEnd what) {
    if (starting_) {
        early_ = std::move(what);
        return;
    }
    const OnEnd then = std::exchange(then_, nullptr);
    then(std::move(what));
}

} // namespace buzon::login
