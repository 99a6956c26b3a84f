#include "buzon/login/login.h"

#include "buzon/event/memory.h"
#include "buzon/login/logins.h"

namespace buzon::login {
namespace {

state::Refused reason_of(auth::Standing standing) {
    switch (standing) {
    case auth::Standing::unknown: return state::Refused::unknown_user;
    case auth::Standing::locked: return state::Refused::locked_account;
    case auth::Standing::nologin: return state::Refused::nologin;
    case auth::Standing::wrong_network: return state::Refused::allow_nets;
    case auth::Standing::open: break;
    }
    return state::Refused::wrong_secret;
}

// The source that a wrong attempt counts against.
std::optional<auth::Source> guesser(ClientInfo::Place place, const net::Ip& ip) {
    return place == ClientInfo::Place::behind_front ? std::nullopt : std::optional{source_of(ip)};
}

} // namespace

auth::Turns::Answer ask_for_turn(LoginNeeds& needs, auth::Turns::Try& one, ClientInfo::Place place, const net::Ip& ip,
                                 const std::string& account, event::Instant until) {
    const std::optional<auth::User> user = needs.users.base().find(account);
    if (place == ClientInfo::Place::local || (user && user->nodelay)) return auth::Turns::Answer::now;
    return needs.logins.turns().ask(one, guesser(place, ip), account, needs.loop.now(), until);
}

LoginRefused refused_by_throttle() {
    return {pop3::Refusal::throttled, {}, "too many failed logins before this one", state::Refused::throttled};
}

// Every callback runs through this. If one runs out of memory, the login still ends.
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
    , place_{client.place}
    , until_{until}
    , user_{std::visit([](const auto& p) { return p.user; }, proof)}
    , account_{needs.users.account_of(user_)}
    , then_{std::move(then)}
    , has_waited_{std::holds_alternative<pop3::Authenticated>(proof)}
    , check_{needs,
             ip_,
             user_,
             account_.user,
             std::move(proof),
             [this](Checked what) { go_on([&] { checked(std::move(what)); }); }}
    , opening_{needs, session, user_, !account_.folder.empty(),
               [this](LoginEnd what) { go_on([&] { opened(std::move(what)); }); }} {}

std::optional<LoginEnd> Login::start() {
    starting_ = true;
    switch (has_waited_ ? auth::Turns::Answer::now : ask_for_turn(needs_, *this, place_, ip_, account_.user, until_)) {
    case auth::Turns::Answer::now: check_.start(); break;
    case auth::Turns::Answer::later: break;
    case auth::Turns::Answer::too_long: too_long(); break;
    }
    starting_ = false;
    return std::exchange(early_, std::nullopt);
}

void Login::your_turn() {
    go_on([this] { check_.start(); });
}

void Login::too_long() {
    go_on([this] { end(refused_by_throttle()); });
}

void Login::checked(Checked what) {
    checked_ = std::move(what);
    if (checked_.verdict == Verdict::unknown)
        return refuse(pop3::Refusal::temporary, state::Refused::check_failed, std::move(checked_.cause));
    const bool right = checked_.verdict == Verdict::right;
    count(right ? auth::Turns::Verdict::right : auth::Turns::Verdict::wrong);
    if (!right) return refuse(pop3::Refusal::wrong, reason_of(checked_.standing), std::move(checked_.cause));
    // A user called "ana+Junk" may have been added while ana's secret was checked.
    const Users::Account now = needs_.users.account_of(user_);
    if (now.user != account_.user || now.folder != account_.folder)
        return refuse(pop3::Refusal::temporary, state::Refused::check_failed, "the users changed during the login");
    const std::uint32_t to_go =
        needs_.logins.delays().seconds_to_go(user_, needs_.settings.login_delay, needs_.loop.now());
    if (to_go > 0) return refuse(pop3::Refusal::too_soon, state::Refused::login_delay, "login delay", to_go);
    opening_.start();
}

void Login::count(auth::Turns::Verdict verdict) {
    if (place_ == ClientInfo::Place::local) return;
    const auth::Guessers::Found found = needs_.logins.turns().ended(*this, guesser(place_, ip_), account_.user, verdict,
                                                                    check_.shown(), needs_.loop.now());
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

void Login::opened(LoginEnd what) {
    if (auto* const in = std::get_if<LoggedIn>(&what)) {
        in->label = std::move(checked_.application.label);
        in->rights = checked_.application.rights;
    }
    end(std::move(what));
}

void Login::refuse(pop3::Refusal why, state::Refused reason, std::string cause, std::optional<std::uint32_t> seconds) {
    end(LoginRefused{why, seconds, std::move(cause), reason});
}

void Login::end(LoginEnd what) {
    if (auto* const refused = std::get_if<LoginRefused>(&what); refused && refused->why == pop3::Refusal::wrong)
        refused->token_error = std::move(checked_.token_error);
    if (starting_) {
        early_ = std::move(what);
        return;
    }
    const OnEnd then = std::exchange(then_, nullptr);
    then(std::move(what));
}

} // namespace buzon::login
