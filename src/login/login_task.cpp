#include "buzon/login/login_task.h"

#include <ctime>
#include <vector>

#include "buzon/jobs/jobs.h"
#include "buzon/login/logins.h"
#include "buzon/login/refusals.h"
#include "buzon/login/secret_check.h"
#include "buzon/login/users.h"
#include "buzon/upkeep/reports.h"

namespace buzon::login {
namespace {

state::Mechanism counted_as(pop3::Mechanism mechanism) {
    switch (mechanism) {
    case pop3::Mechanism::pass: return state::Mechanism::user;
    case pop3::Mechanism::apop: return state::Mechanism::apop;
    case pop3::Mechanism::plain: return state::Mechanism::plain;
    case pop3::Mechanism::login: return state::Mechanism::login;
    case pop3::Mechanism::scram_sha_256:
    case pop3::Mechanism::scram_sha_256_plus: return state::Mechanism::scram_sha_256;
    case pop3::Mechanism::cram_md5: return state::Mechanism::cram_md5;
    case pop3::Mechanism::oauthbearer:
    case pop3::Mechanism::xoauth2: return state::Mechanism::oauth;
    }
    return state::Mechanism::user;
}

state::LoginResult result_of(pop3::Refusal why) {
    switch (why) {
    case pop3::Refusal::wrong:
    case pop3::Refusal::not_permitted: return state::LoginResult::wrong;
    case pop3::Refusal::in_use: return state::LoginResult::busy;
    case pop3::Refusal::throttled:
    case pop3::Refusal::too_soon: return state::LoginResult::throttled;
    default: return state::LoginResult::failed;
    }
}

pop3::Mechanism mechanism_of(const Proof& proof) {
    struct MechanismOf {
        pop3::Mechanism operator()(const pop3::CheckApop&) const { return pop3::Mechanism::apop; }
        pop3::Mechanism operator()(const pop3::CheckCram&) const { return pop3::Mechanism::cram_md5; }
        pop3::Mechanism operator()(const pop3::CheckPassword& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::CheckToken& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::Authenticated& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::NotAuthenticated& p) const { return p.mechanism; }
    };
    return std::visit(MechanismOf{}, proof);
}

// For the REPORT of the user whose name was used.
void record_refused_login(LoginNeeds& needs, const ClientInfo& client, std::string_view user) {
    const std::string maildir = needs.users.maildir_of(user);
    if (maildir.empty()) return;
    message::SessionRecord record;
    record.kind = message::SessionRecord::Kind::refused_login;
    record.began = record.ended = std::time(nullptr);
    record.retrieved = 1;
    record.from = client.address.ip.text();
    needs.reports.note(maildir, needs.users.owner_of(user), record);
}

void refuse(LoginNeeds& needs, Visit& visit, pop3::Mechanism mechanism, std::string_view user,
            const LoginRefused& refused, std::string& out) {
    if (refused.token_error.empty())
        visit.session.login_refused(refused.why, out, refused.seconds);
    else
        visit.session.token_refused(refused.token_error, out);
    const bool wrong = refused.why == pop3::Refusal::wrong || refused.why == pop3::Refusal::not_permitted;
    needs.metrics.count_login(counted_as(mechanism), result_of(refused.why));
    if (wrong) record_refused_login(needs, visit.client, user);
    tell_refusal(needs.metrics, needs.events,
                 {refused.reason, visit.client.address.ip, visit.id, user, pop3::name_of(mechanism), refused.cause});
}

} // namespace

void tell_refusal(LoginNeeds& needs, const Visit& visit, const pop3::ClearTextRefused& what) {
    needs.metrics.count_login(counted_as(what.mechanism), state::LoginResult::failed);
    tell_refusal(
        needs.metrics, needs.events,
        {state::Refused::require_tls, visit.client.address.ip, visit.id, what.user, pop3::name_of(what.mechanism)});
}

LogIn::LogIn(LoginNeeds& needs, const UserSessions& sessions, Visit& visit, event::Instant until, TaskOwner& owner,
             Proof proof)
    : needs_{needs}
    , sessions_{sessions}
    , visit_{visit}
    , mechanism_{mechanism_of(proof)}
    , login_{needs, visit.id, visit.client, until, std::move(proof), [this, &owner](LoginEnd end) {
                 end_ = std::move(end);
                 owner.task_wakes();
             }} {}

Step LogIn::go_on(net::Stream& stream) {
    if (!std::exchange(started_, true)) end_ = login_.start();
    if (!end_) return Step::waits_for_worker;
    needs_.metrics.login_time.observe(static_cast<state::Count>(
        std::chrono::duration_cast<std::chrono::microseconds>(event::Clock::now() - began_).count()));
    if (const auto* refused = std::get_if<LoginRefused>(&*end_))
        refuse(needs_, visit_, mechanism_, login_.user(), *refused, stream.out());
    else
        welcome(std::get<LoggedIn>(std::move(*end_)), stream.out());
    return Step::done;
}

void LogIn::welcome(LoggedIn in, std::string& out) {
    const std::string& name = login_.user();
    const std::uint64_t max = needs_.settings.max_per_user;
    if (max != 0 && sessions_.sessions_of(name) >= max) {
        const LoginRefused refused{pop3::Refusal::too_many_sessions, {}, {}, state::Refused::max_per_user};
        return refuse(needs_, visit_, mechanism_, name, refused, out);
    }
    needs_.logins.delays().logged_in(name, needs_.settings.login_delay, needs_.loop.now());
    visit_.maildir = std::move(in.maildir);
    visit_.local = in.local;
    visit_.here = in.here;
    visit_.owner = in.owner;
    visit_.lock = std::move(in.lock);
    if (!in.label.empty()) visit_.label = std::make_unique<const std::string>(std::move(in.label));
    visit_.keeps = in.rights == auth::Rights::keep;
    visit_.session.login_succeeded(std::move(in.maildrop), out, in.rights != auth::Rights::read);
    needs_.metrics.count_login(counted_as(mechanism_), state::LoginResult::ok);
    const bool clear = mechanism_ == pop3::Mechanism::pass || mechanism_ == pop3::Mechanism::plain ||
                       mechanism_ == pop3::Mechanism::login;
    if (clear && !visit_.client.secure && !visit_.client.address.ip.is_loopback()) ++needs_.metrics.logins_cleartext;
    tell_of_login();
}

void LogIn::tell_of_login() {
    if (!needs_.events.wants(state::EventType::login)) return;
    const message::Maildrop& maildrop = *visit_.session.maildrop();
    const std::string ip = visit_.client.address.ip.text();
    std::vector<state::EventField> fields = {{"ip", ip},
                                             {"method", pop3::name_of(mechanism_)},
                                             {"messages", maildrop.count()},
                                             {"octets", maildrop.live_octets()}};
    if (visit_.label) fields.emplace_back("secret", *visit_.label);
    if (visit_.client.tls) fields.emplace_back("tls", "yes");
    needs_.events.publish(state::Event{state::EventType::login,
                                       state::level_of(state::EventType::login),
                                       std::chrono::system_clock::now(),
                                       visit_.id,
                                       visit_.session.user(),
                                       {},
                                       fields});
}

AwaitTurn::AwaitTurn(LoginNeeds& needs, Visit& visit, event::Instant until, TaskOwner& owner, pop3::ProofWaits proof)
    : needs_{needs}, visit_{visit}, until_{until}, owner_{owner}, proof_{std::move(proof)} {}

Step AwaitTurn::go_on(net::Stream& stream) {
    if (!answer_) {
        const ClientInfo& client = visit_.client;
        const std::string account = needs_.users.account_of(proof_.user).user;
        answer_ = ask_for_turn(needs_, *this, client.place, client.address.ip, account, until_);
    }
    if (answer_ == auth::Turns::Answer::later) return Step::waits_for_worker;
    // A right proof is no failure, so its turn ends with this task, without a verdict. LogIn reports the success.
    if (answer_ == auth::Turns::Answer::now)
        visit_.session.proof_accepted(stream.out());
    else
        refuse(needs_, visit_, proof_.mechanism, proof_.user, refused_by_throttle(), stream.out());
    return Step::done;
}

void AwaitTurn::answered(auth::Turns::Answer answer) {
    answer_ = answer;
    owner_.task_wakes();
}

GetScram::GetScram(LoginNeeds& needs, Visit& visit, TaskOwner& owner, std::string user)
    : needs_{needs}
    , visit_{visit}
    , owner_{owner}
    , user_{std::move(user)}
    , account_{needs.users.account_of(user_).user} {}

Step GetScram::go_on(net::Stream& stream) {
    if (job_.waiting()) return Step::waits_for_worker;
    if (!answer_) {
        const auth::ScramSource source =
            needs_.users.base().scram_source(account_, source_of(visit_.client.address.ip));
        main_change_ = source.credential.main_change;
        const jobs::GetScram job{source.credential.place, user_, needs_.users.scram_key(), source.iterations,
                                 source.derive_decoys};
        job_ = needs_.hashes.of(source.slow)
                   .submit(jobs::order(job, source.credential.vault), [this](worker::Answer answer) {
                       answer_ = std::move(answer);
                       owner_.task_wakes();
                   });
        return Step::waits_for_worker;
    }
    const auto said = jobs::read<jobs::GetScram>(*answer_);
    auto credentials = auth::parse_scram_credentials(said.answer.credentials);
    if (said.why || !credentials) {
        const LoginRefused refused{pop3::Refusal::temporary, {}, "SCRAM: " + said.why.message()};
        refuse(needs_, visit_, pop3::Mechanism::scram_sha_256, user_, refused, stream.out());
    } else {
        visit_.session.scram_credentials(std::move(credentials).value(), said.answer.genuine, stream.out(),
                                         exchange_for(account_, main_change_));
    }
    return Step::done;
}

} // namespace buzon::login
