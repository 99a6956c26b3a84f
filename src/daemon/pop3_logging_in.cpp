// What a session asks for, performed: logging in. The session words every reply.
#include "buzon/daemon/pop3_connection.h"

#include "buzon/daemon/jobs.h"
#include "buzon/daemon/logins.h"
#include "buzon/daemon/users.h"

namespace buzon::daemon {
namespace {

state::Mechanism counted_as(pop3::Mechanism mechanism) {
    switch (mechanism) {
    case pop3::Mechanism::pass: return state::Mechanism::user;
    case pop3::Mechanism::apop: return state::Mechanism::apop;
    case pop3::Mechanism::plain: return state::Mechanism::plain;
    case pop3::Mechanism::login: return state::Mechanism::login;
    case pop3::Mechanism::scram_sha_256: return state::Mechanism::scram_sha_256;
    case pop3::Mechanism::cram_md5: return state::Mechanism::cram_md5;
    }
    return state::Mechanism::user;
}

state::LoginResult result_of(pop3::Refusal why) {
    switch (why) {
    case pop3::Refusal::wrong:
    case pop3::Refusal::not_permitted: return state::LoginResult::wrong;
    case pop3::Refusal::in_use: return state::LoginResult::busy;
    case pop3::Refusal::too_soon: return state::LoginResult::throttled;
    default: return state::LoginResult::failed;
    }
}

} // namespace

void Pop3Connection::perform(pop3::Action action, std::string& out) {
    struct Performer {
        Pop3Connection& self;
        std::string& out;
        void operator()(const pop3::Continue&) const {}
        void operator()(const pop3::Close& p) const {
            self.closing_ = true;
            if (p.why != pop3::Close::Why::quit) self.drain_ = true;
            self.ending_ = p.why == pop3::Close::Why::quit ? Ending::quit : Ending::bad_lines;
        }
        void operator()(pop3::CheckPassword& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::CheckApop& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::CheckCram& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::Authenticated& p) const { self.log_in(std::move(p), out); }
        void operator()(pop3::NotAuthenticated& p) const { self.log_in(std::move(p), out); }
        void operator()(const pop3::GetScram& p) const { self.get_scram(p.user, out); }
        void operator()(const pop3::Deliver& p) const { self.deliver(p, out); }
        void operator()(const pop3::Produce& p) const { self.list(p); }
        void operator()(pop3::Search& p) const { self.search(std::move(p)); }
        void operator()(const pop3::Report& p) const { self.report(p.days); }
        void operator()(const pop3::Update&) const { self.update(out); }
    };
    std::visit(Performer{*this, out}, action);
}

void Pop3Connection::log_in(Proof proof, std::string& out) {
    struct MechanismOf {
        pop3::Mechanism operator()(const pop3::CheckApop&) const { return pop3::Mechanism::apop; }
        pop3::Mechanism operator()(const pop3::CheckCram&) const { return pop3::Mechanism::cram_md5; }
        pop3::Mechanism operator()(const pop3::CheckPassword& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::Authenticated& p) const { return p.mechanism; }
        pop3::Mechanism operator()(const pop3::NotAuthenticated& p) const { return p.mechanism; }
    };
    mechanism_ = std::visit(MechanismOf{}, proof);
    busy_->work_began = event::Clock::now(); // not the turn's time: the fast ones are done within it
    doing_ = Doing::logging_in;
    busy_->login = std::make_unique<Login>(context_, id_, client_, std::move(proof), [this](LoginEnd end) {
        busy_->in = busy_->input;
        turn([&](std::string& later) { login_ended(std::move(end), later); });
    });
    if (std::optional<LoginEnd> end = busy_->login->start()) login_ended(std::move(*end), out);
}

// The credentials are on file, or derived from a known password by a worker: PBKDF2 is slow on purpose.
void Pop3Connection::get_scram(const std::string& user, std::string& out) {
    mechanism_ = pop3::Mechanism::scram_sha_256;
    auth::ScramSource source =
        context_.users.base().scram_source(user, source_of(client_.address.ip), context_.users.scram_key());
    if (source.ready) return session_.scram_credentials(std::move(*source.ready), source.genuine, out);
    doing_ = Doing::logging_in;
    const worker::Job job = scram_job(source.password, source.salt, source.iterations);
    busy_->job = context_.hashes.submit(job, [this, user, genuine = source.genuine](worker::Answer answer) {
        busy_->in = busy_->input;
        turn([&](std::string& later) {
            doing_ = Doing::nothing;
            const Answered said = read_answer(answer);
            auto credentials = auth::parse_scram_credentials(said.rest);
            if (said.why || !credentials) {
                return log_in_refused(user, {pop3::Refusal::temporary, std::nullopt, "SCRAM: " + said.why.message()},
                                      later);
            }
            session_.scram_credentials(std::move(credentials).value(), genuine, later);
        });
    });
}

void Pop3Connection::login_ended(LoginEnd end, std::string& out) {
    const std::string name = busy_->login->user();
    busy_->login.reset();
    doing_ = Doing::nothing;
    context_.metrics.login_time.observe(microseconds_of_work());
    if (const auto* refused = std::get_if<LoginRefused>(&end)) return log_in_refused(name, *refused, out);
    const std::uint64_t most = context_.settings.max_per_user;
    if (most != 0 && owner_.sessions_of(name) >= most) {
        return log_in_refused(name, {pop3::Refusal::too_many_sessions, std::nullopt, "too many sessions"}, out);
    }
    context_.logins.delays().logged_in(name, context_.settings.login_delay, context_.loop.now());
    LoggedIn& in = std::get<LoggedIn>(end);
    maildir_ = context_.maildrops.name_of(in.maildir);
    lock_ = std::move(in.lock);
    session_.login_succeeded(std::move(in.maildrop), out);
    context_.metrics.count_login(counted_as(mechanism_), state::LoginResult::ok);
    publish(state::EventType::login, {{"ip", client_.address.ip.text()},
                                      {"method", pop3::name_of(mechanism_)},
                                      {"messages", session_.maildrop()->count()},
                                      {"octets", session_.maildrop()->live_octets()}});
    active_ = context_.loop.now();
    arm_idle_timer();
    owner_.user_came(*this);
}

void Pop3Connection::log_in_refused(std::string_view user, const LoginRefused& refused, std::string& out) {
    doing_ = Doing::nothing;
    session_.login_refused(refused.why, out, refused.seconds);
    const bool wrong = refused.why == pop3::Refusal::wrong || refused.why == pop3::Refusal::not_permitted;
    context_.metrics.count_login(counted_as(mechanism_), result_of(refused.why));
    if (wrong) record_refused_login(user);
    context_.events.publish(
        wrong ? state::EventType::auth_fail : state::EventType::refused, std::chrono::system_clock::now(), id_, user,
        {{"ip", client_.address.ip.text()}, {"method", pop3::name_of(mechanism_)}, {"reason", refused.cause}});
}

} // namespace buzon::daemon
