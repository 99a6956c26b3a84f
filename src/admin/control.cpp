#include "buzon/admin/control.h"

#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "buzon/auth/secret.h"
#include "buzon/config/uidl_settings.h"
#include "buzon/jobs/jobs.h"
#include "buzon/jobs/opened_root.h"
#include "buzon/login/locks.h"
#include "buzon/login/logins.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/sandbox/denials.h"
#include "buzon/serve/transforms.h"

namespace buzon::admin {
namespace {

using namespace std::chrono_literals;

manage::Outcome failed(std::string why) {
    return {false, std::move(why)};
}

manage::Outcome in_force(std::string already) {
    return {.text = std::move(already), .unchanged = true};
}

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// The form in which a mail root is named. Does not touch the disk.
std::string absolute(const std::string& path) {
    std::error_code why;
    std::string whole = std::filesystem::absolute(path, why).lexically_normal().string();
    while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
    return why ? path : whole;
}

state::Count cpu_seconds() {
    timespec used{};
    return ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 ? static_cast<state::Count>(used.tv_sec) : 0;
}

} // namespace

Control::Control(const ControlNeeds& needs, state::Settings& settings, const config::Options& options,
                 serve::Pop3Service& pop3, ServerHooks& hooks, Administrators& administrators,
                 upkeep::HistoryKeeper& history)
    : needs_{needs}
    , settings_{settings}
    , pop3_{pop3}
    , options_{options}
    , hooks_{hooks}
    , administrators_{administrators}
    , history_{history} {}

event::Instant Control::not_before(const manage::Action& action, const std::optional<auth::Source>& from,
                                   event::Instant since) const {
    const auto* const login = std::get_if<manage::CheckAdministrator>(&action);
    return login ? administrators_.not_before(from, login->name, since, needs_.loop.now()) : needs_.loop.now();
}

void Control::perform(const manage::Action& action, const std::optional<auth::Source>& from, Pending& pending,
                      OnDone done) {
    std::visit(Overloaded{
                   [&](const manage::CheckAdministrator& a) { check(a, from, pending.job, std::move(done)); },
                   [&](const manage::ChangePort& a) { change(a, pending, std::move(done)); },
                   [&](const manage::ChangeAddress& a) { change(a, pending, std::move(done)); },
                   [&](const manage::ChangeSetting& a) { done(change(a)); },
                   [&](const manage::RemoveUser& a) { done(remove(a)); },
                   [&](const manage::ChangeDirectory& a) { change(a, pending.job, std::move(done)); },
                   [&](const manage::ChangeTransform& a) { change(a, pending.job, std::move(done)); },
                   [&](const manage::AddUser& a) { add(a, pending.job, std::move(done)); },
                   [&](const manage::SetPassword& a) { set(a, pending.job, std::move(done)); },
                   [&](const manage::AddSecret& a) { add(a, pending.job, std::move(done)); },
                   [&](const manage::RemoveSecret& a) { done(remove(a)); },
                   [&](const manage::SaveConfig&) { save(pending.job, std::move(done)); },
                   [&](const manage::Undelete& a) { undelete(a, pending.job, std::move(done)); },
                   [&](const manage::Drain&) {
                       hooks_.drain();
                       done({});
                   },
                   [&](const manage::ReleaseUidl& a) { release(a, pending.job, std::move(done)); },
                   // The session handles these itself.
                   [&](const manage::Answered&) { done({}); },
                   [&](const manage::Producing&) { done({}); },
                   [&](const manage::Following&) { done({}); },
                   [&](const manage::Closing&) { done({}); },
               },
               action);
}

void Control::check(const manage::CheckAdministrator& who, const std::optional<auth::Source>& from,
                    worker::Pending& pending, OnDone done) {
    using Verdict = Administrators::Verdict;
    administrators_.check(from, who.name, who.secret, needs_.loop.now(), pending, [done](Verdict verdict) {
        manage::Outcome outcome;
        if (verdict == Verdict::wrong) outcome = failed("wrong name or password");
        if (verdict == Verdict::unknown)
            outcome = failed("[SYS/TEMP] the password cannot be checked at the moment, try again later");
        outcome.undecided = verdict == Verdict::unknown;
        done(std::move(outcome));
    });
}

// Takes effect once the keeper has opened the sockets. The manager is answered then.
void Control::listen_on(std::vector<net::Ip> addresses, std::uint16_t port, const char* option, Pending& pending,
                        OnDone done) {
    const std::string draining = "the server is draining and accepts no new connections";
    if (!pop3_.accepting()) return done(failed(draining));
    pending.moving = pop3_.move_to(
        std::move(addresses), port, [this, option, done, draining](std::error_code why, const std::string& what) {
            if (why == std::errc::operation_canceled) return done(failed(draining));
            if (why == std::errc::timed_out)
                return done(failed(what + ": the process that opens sockets does not answer, try again later"));
            if (why) return done(failed(what + ": " + why.message()));
            changed_.insert(option);
            const bool is_port = std::string_view{option} == "port";
            done({true, is_port ? std::to_string(pop3_.port()) : pop3_.address_text()});
        });
    if (!pending.moving) done(failed("another manager is changing the port or the address, try again"));
}

void Control::change(const manage::ChangePort& to, Pending& pending, OnDone done) {
    if (to.port != 0 && to.port == pop3_.port()) return done(in_force(std::to_string(to.port)));
    listen_on(pop3_.addresses(), to.port, "port", pending, std::move(done));
}

void Control::change(const manage::ChangeAddress& to, Pending& pending, OnDone done) {
    const auto ip = net::Ip::parse(to.address);
    if (!ip) return done(failed("not an IPv4 or IPv6 address"));
    std::vector<net::Ip> addresses{*ip};
    if (ip->is_any() && !ip->is_v4()) addresses.clear(); // "::" is every address, as at the start
    if (addresses == pop3_.addresses()) return done(in_force(pop3_.address_text()));
    listen_on(std::move(addresses), pop3_.port(), "ip", pending, std::move(done));
}

manage::Outcome Control::change(const manage::ChangeSetting& to) {
    const std::vector<std::string> before = values_of(to.name);
    if (const auto wrong = config::change_checked_setting(settings_, to.name, to.value)) return failed(*wrong);
    if (values_of(to.name) == before) return in_force({});
    changed_.insert(to.name);
    hooks_.settings_changed();
    return {};
}

void Control::change(const manage::ChangeDirectory& to, worker::Pending& pending, OnDone done) {
    const std::string path = absolute(to.path);
    pending = needs_.root.openers().submit(jobs::order(jobs::OpenRoot{message::RootRequest::to_choose(path)}),
                                           [this, path, done](worker::Answer answer) {
                                               jobs::RootAnswer said = jobs::read_opened_root(std::move(answer), path);
                                               if (!said.opened) return done(failed(said.trouble));
                                               const bool known = said.opened.value().root.path == needs_.users.root();
                                               needs_.root.use(std::move(said.opened).value());
                                               if (known) return done(in_force(needs_.users.root()));
                                               changed_.insert("path");
                                               done({true, needs_.users.root()});
                                           });
}

void Control::change(const manage::ChangeTransform& to, worker::Pending& pending, OnDone done) {
    if (to.user && !needs_.users.base().find(*to.user)) return done(failed("no such user"));
    if (to.how != manage::Switch::set) {
        const serve::Transform* const known = to.user ? needs_.transforms.own(*to.user) : &needs_.transforms.standard();
        if (to.how == manage::Switch::on && (!known || known->spec.empty())) {
            return done(failed("no program has been set"));
        }
        return done(put_transform(to.user, {known ? known->spec : filter::FilterSpec{}, to.how == manage::Switch::on}));
    }
    filter::ParsedSpec parsed = filter::FilterSpec::parse(to.spec);
    if (!parsed.ok()) return done(failed(parsed.problem));
    const worker::Job job =
        jobs::order(jobs::CheckSpec{to.spec, needs_.transforms.programs_user(), needs_.transforms.allowed()});
    pending =
        needs_.files.submit(job, [this, user = to.user, spec = std::move(parsed.spec), done](worker::Answer answer) {
            const auto said = jobs::read<jobs::CheckSpec>(answer);
            if (said.why) return done(failed("the program cannot be checked: " + said.why.message()));
            if (!said.answer.problem.empty()) return done(failed(said.answer.problem));
            done(put_transform(user, {spec, true}));
        });
}

// A user without a transformation has the default. Setting that same one for this user is still a change.
manage::Outcome Control::put_transform(const std::optional<std::string>& user, const serve::Transform& wanted) {
    const serve::Transform* const known = user ? needs_.transforms.own(*user) : &needs_.transforms.standard();
    if (known && known->text() == wanted.text()) return in_force(known->text());
    serve::Transform& changed = user ? needs_.transforms.make_own(*user) : needs_.transforms.standard();
    changed = wanted;
    note_transform(user);
    return {true, changed.text()};
}

void Control::note_transform(const std::optional<std::string>& user) {
    changed_.insert(user ? "transform-for" : "transform");
    if (user) changed_transforms_.insert(*user);
}

// Users authenticated by a checkpassword program are known once they have logged in.
std::string Control::nobody_known() const {
    return needs_.logins.asks_programs() ? "no such user, or one who has not logged in since the server was started"
                                         : "no such user";
}

void Control::undelete(const manage::Undelete& what, worker::Pending& pending, OnDone done) {
    const std::string maildir = needs_.users.maildir_of(what.user);
    if (maildir.empty()) return done(failed(nobody_known()));
    const std::int64_t since = what.since ? what.since->time_since_epoch().count() : 0;
    pending = needs_.disk.submit(
        jobs::order_for(needs_.users.owner_of(what.user), jobs::Restore{maildir, since}),
        [done](worker::Answer answer) {
            const auto said = jobs::read<jobs::Restore>(answer);
            const std::string came_back = std::to_string(said.answer.restored);
            if (!said.why) return done({true, came_back});
            const bool none = said.answer.restored == 0;
            done(failed((none ? "nothing was restored: " : "only " + came_back + " restored: ") + said.why.message()));
        });
}

void Control::release(const manage::ReleaseUidl& whom, worker::Pending& pending, OnDone done) {
    const std::string maildir = needs_.users.maildir_of(whom.user);
    if (maildir.empty()) return done(failed(nobody_known()));
    message::UidlRules rules = config::uidl_rules(settings_);
    rules.dovecot_control = needs_.users.control_of(whom.user);
    pending = needs_.disk.submit(
        jobs::order_for(needs_.users.owner_of(whom.user),
                        jobs::ReleaseUidls{{needs_.root.root(), maildir, false, {.uidl = std::move(rules)}}}),
        [done](worker::Answer answer) {
            const auto said = jobs::read<jobs::ReleaseUidls>(answer);
            manage::Outcome nothing_to_release; // the user has never logged in
            nothing_to_release.unchanged = true;
            if (said.why == std::errc::no_such_file_or_directory) return done(nothing_to_release);
            done(said.why ? failed(message::words_for(said.why, {})) : manage::Outcome{});
        });
}

const state::Metrics& Control::metrics() {
    state::Metrics& now = needs_.metrics;
    now.filters_queued = needs_.transforms.queue().waiting();
    now.worker_jobs = now.workers_busy = now.worker_failures = 0;
    for (const worker::Pool* const pool : {&needs_.disk, &needs_.files, &needs_.hashes.slow, &needs_.hashes.quick}) {
        const worker::Statistics one = pool->statistics();
        now.worker_jobs += one.done;
        now.workers_busy += one.running + one.queued;
        now.worker_failures += one.crashed;
    }
    now.guessers = needs_.events.suspects().count(std::chrono::system_clock::now());
    now.sandbox_denials = sandbox::denials();
    now.cpu_seconds = cpu_seconds();
    // Counting descriptors takes time proportional to their number, and anybody may repeat METR often.
    if (const event::Instant at = event::Clock::now(); at >= measure_again_) {
        now.memory = usage_.resident_octets();
        now.descriptors = usage_.open_descriptors();
        measure_again_ = event::Clock::now() + std::max<event::Clock::duration>(1s, 100 * (event::Clock::now() - at));
    }
    return now;
}

std::vector<std::pair<std::string, std::string>> Control::details() const {
    std::vector<std::pair<std::string, std::string>> lines = hooks_.details();
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(event::Clock::now() - began_);
    lines.emplace_back("uptime", std::to_string(up.count()));
    lines.emplace_back("draining", pop3_.accepting() ? "no" : "yes");
    return lines;
}

std::string Control::directory() const {
    return needs_.users.root();
}

std::optional<std::string> Control::transform(const std::optional<std::string>& user) const {
    if (!user) return needs_.transforms.standard().text();
    if (!needs_.users.base().find(*user)) return std::nullopt;
    const serve::Transform* const own = needs_.transforms.own(*user);
    return own ? own->text() : needs_.transforms.standard().text();
}

std::optional<manage::SessionRow> Control::session(std::uint64_t id) const {
    const serve::Pop3Connection* const connection = pop3_.find(id);
    if (!connection) return std::nullopt;
    const auto since = [this](event::Instant then) {
        return std::chrono::duration_cast<std::chrono::seconds>(needs_.loop.now() - then);
    };
    manage::SessionRow row;
    row.id = id;
    if (connection->logged_in()) row.user = connection->user();
    row.address = connection->address().text();
    row.state = connection->state_name();
    login::TaskView task = connection->task();
    row.command = task.name;
    row.program = std::move(task.program);
    if (task.began_at && connection->sent() > *task.began_at) row.sent = connection->sent() - *task.began_at;
    row.size = task.size;
    row.backlog = connection->backlog();
    row.messages = connection->retrieved();
    row.tls = connection->tls();
    row.age = since(connection->began());
    row.idle = since(connection->last_activity());
    return row;
}

} // namespace buzon::admin
