#include "buzon/login/login.h"

#include "buzon/auth/digest_login.h"
#include "buzon/auth/secret.h"
#include "buzon/auth/user_name.h"
#include "buzon/event/memory.h"
#include "buzon/jobs/jobs.h"
#include "buzon/login/logins.h"
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
        if (then_) end(LoginRefused{pop3::Refusal::temporary, std::nullopt, {}});
    });
}

Login::Login(LoginNeeds& needs, std::uint64_t session, const ClientInfo& client, event::Instant until, Proof proof,
             OnEnd then)
    : needs_{needs}
    , session_{session}
    , source_{source_of(client.address.ip)}
    , place_{client.place}
    , until_{until}
    , proof_{std::move(proof)}
    , user_{std::visit([](const auto& p) { return p.user; }, proof_)}
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
    const std::optional<auth::User> user = needs_.users.base().find(user_);
    if (place_ == ClientInfo::Place::local || (user && user->nodelay)) {
        check_proof();
    } else {
        switch (needs_.logins.turns().ask(*this, guesser(), user_, needs_.loop.now(), until_)) {
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
    go_on([this] { refuse(pop3::Refusal::throttled, "too many wrong logins before this one"); });
}

void Login::check_proof() {
    if (const auto* password = std::get_if<pop3::CheckPassword>(&proof_)) return check_password(*password);
    if (std::holds_alternative<pop3::Authenticated>(proof_)) return verified(true, {});
    if (std::holds_alternative<pop3::NotAuthenticated>(proof_)) return verified(false, "wrong proof");
    const bool right = digest_is_right();
    verified(right, right ? "" : "wrong digest, or no plain password is known");
}

void Login::check_password(const pop3::CheckPassword& proof) {
    if (needs_.logins.checkpassword().in_use() && !needs_.users.base().find(user_)) return ask_program(proof);
    const auth::Credential credential = needs_.users.base().credential(proof.user, source_);
    standing_ = credential.standing;
    auto secret = auth::Secret::parse(credential.secret);
    if (!secret) return verified(false, "the secret is unreadable");
    if (!secret.value().is_slow()) return verified(secret.value().verify(proof.password), "");
    if (needs_.logins.successes().remembers(user_, credential.secret, proof.password, needs_.loop.now())) {
        return verified(true, "");
    }
    verifying_ = needs_.hashes.submit(jobs::order(jobs::Verify{credential.secret, proof.password}),
                                      [this, secret = credential.secret, password = proof.password](
                                          worker::Answer answer) { go_on([&] { hashed(answer, secret, password); }); });
}

void Login::hashed(const worker::Answer& answer, const std::string& secret, const std::string& password) {
    const auto said = jobs::read<jobs::Verify>(answer);
    if (said.why) return refuse(pop3::Refusal::temporary, "password check: " + said.why.message());
    const bool right = said.answer.right;
    if (right && standing_ == auth::Standing::open)
        needs_.logins.successes().remember(user_, secret, password, needs_.loop.now());
    verified(right, "");
}

void Login::ask_program(const pop3::CheckPassword& proof) {
    // The program knows nothing of mail roots, so it is not asked about a name that could lead outside ours.
    const std::string_view fault = auth::fault_of_user_name(user_);
    if (!fault.empty()) return verified(false, fault);
    auto message = auth::checkpassword_message(user_, proof.password);
    if (!message) return verified(false, "too long for checkpassword");
    by_program_ = true;
    asking_ = std::make_unique<CheckpasswordRun>(
        needs_.logins.checkpassword(), std::move(*message), [this](auth::Verdict verdict, std::string why) {
            go_on([&] {
                if (verdict == auth::Verdict::unknown) return refuse(pop3::Refusal::temporary, "checkpassword: " + why);
                verified(verdict == auth::Verdict::right, "rejected by checkpassword");
            });
        });
}

// The source that a wrong attempt counts against.
std::optional<auth::Source> Login::guesser() const {
    return place_ == ClientInfo::Place::behind_front ? std::nullopt : source_;
}

void Login::count(bool right) {
    if (place_ == ClientInfo::Place::local) return;
    // A digest differs each time, so only a plaintext password can be recognized.
    const auto* const shown = std::get_if<pop3::CheckPassword>(&proof_);
    needs_.logins.turns().ended(*this, guesser(), user_,
                                right ? auth::Turns::Verdict::right : auth::Turns::Verdict::wrong,
                                shown ? std::string_view{shown->password} : std::string_view{}, needs_.loop.now());
}

bool Login::digest_is_right() const {
    const std::optional<std::string> password = needs_.users.base().clear_password(user_, source_);
    if (const auto* apop = std::get_if<pop3::CheckApop>(&proof_))
        return auth::apop_matches(apop->challenge, password, apop->digest);
    return auth::digest_matches(std::get<pop3::CheckCram>(proof_), password);
}

void Login::verified(bool right, std::string_view cause) {
    right = right && standing_ == auth::Standing::open;
    count(right);
    if (!right) {
        return refuse(pop3::Refusal::wrong, std::string{cause.empty() ? cause_of(standing_) : cause});
    }
    if (by_program_) needs_.users.vouched().note(user_, needs_.users.root() + '/' + user_);
    maildir_ = needs_.users.maildir_of(user_);
    if (maildir_.empty()) return refuse(pop3::Refusal::wrong, "the user was removed meanwhile");
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
    if (auto snapshot = needs_.maildrops.open(maildir_, needs_.users.control_of(user_), waiter_))
        opened(std::move(snapshot));
}

// Looks for the root again, then tries this login once more.
void Login::no_root() {
    second_try_ = true;
    (void)lock_.release();
    waiter_.hear([this](SnapshotResult result) { opened(std::move(result)); });
    needs_.root.gone(mark_);
    open_maildrop();
}

void Login::opened(SnapshotResult result) {
    for (const std::string& line : waiter_.findings().warnings)
        needs_.events.log(state::Level::warning, std::chrono::system_clock::now(), line, session_, user_);
    if (result)
        return end(LoggedIn{message::Maildrop{std::move(result).value()}, maildir_, needs_.maildrops.is_local(maildir_),
                            std::move(lock_)});
    const std::error_code why = result.error();
    if (why == message::root_has_gone() && !second_try_) return no_root();
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
    end(LoginRefused{why, seconds, std::move(cause), reason_of(why)});
}

void Login::refuse(pop3::Refusal why, std::string cause, state::Refused reason) {
    end(LoginRefused{why, std::nullopt, std::move(cause), reason});
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
