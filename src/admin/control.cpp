#include "buzon/admin/control.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "buzon/auth/secret.h"
#include "buzon/config/uidl_settings.h"
#include "buzon/jobs/jobs.h"
#include "buzon/jobs/opened_root.h"
#include "buzon/login/locks.h"
#include "buzon/login/logins.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
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

state::Count resident_octets() {
    // /proc is in kernel memory: reading it never blocks.
    std::FILE* const file = std::fopen("/proc/self/statm", "re");
    if (!file) return 0;
    unsigned long total = 0;
    unsigned long resident = 0;
    const int got = std::fscanf(file, "%lu %lu", &total, &resident);
    std::fclose(file);
    return got == 2 ? state::Count{resident} * 4096 : 0;
}

state::Count open_descriptors() {
    DIR* const directory = ::opendir("/proc/self/fd");
    if (!directory) return 0;
    state::Count count = 0;
    while (::readdir(directory)) ++count;
    ::closedir(directory);
    return count - 3; // ".", ".." and the directory itself
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

void Control::perform(const manage::Action& action, const std::optional<auth::Source>& from, worker::Pending& pending,
                      OnDone done) {
    std::visit(Overloaded{
                   [&](const manage::CheckAdministrator& a) { check(a, from, pending, std::move(done)); },
                   [&](const manage::ChangePort& a) { done(change(a)); },
                   [&](const manage::ChangeAddress& a) { done(change(a)); },
                   [&](const manage::ChangeSetting& a) { done(change(a)); },
                   [&](const manage::RemoveUser& a) { done(remove(a)); },
                   [&](const manage::ChangeDirectory& a) { change(a, pending, std::move(done)); },
                   [&](const manage::ChangeTransform& a) { change(a, pending, std::move(done)); },
                   [&](const manage::AddUser& a) { add(a, pending, std::move(done)); },
                   [&](const manage::SetPassword& a) { set(a, pending, std::move(done)); },
                   [&](const manage::SaveConfig&) { save(pending, std::move(done)); },
                   [&](const manage::Undelete& a) { undelete(a, pending, std::move(done)); },
                   [&](const manage::Drain&) {
                       hooks_.drain();
                       done({});
                   },
                   [&](const manage::ReleaseUidl& a) { release(a, pending, std::move(done)); },
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

manage::Outcome Control::listen_on(std::vector<net::Ip> addresses, std::uint16_t port) {
    if (!pop3_.accepting()) return failed("the server is draining and accepts no new connections");
    std::string what;
    if (const std::error_code why = pop3_.open(std::move(addresses), port, what))
        return failed(what + ": " + why.message());
    return {};
}

manage::Outcome Control::change(const manage::ChangePort& to) {
    if (to.port != 0 && to.port == pop3_.port()) return in_force(std::to_string(to.port));
    manage::Outcome outcome = listen_on(pop3_.addresses(), to.port);
    if (!outcome.ok) return outcome;
    changed_.insert("port");
    outcome.text = std::to_string(pop3_.port());
    return outcome;
}

manage::Outcome Control::change(const manage::ChangeAddress& to) {
    const auto ip = net::Ip::parse(to.address);
    if (!ip) return failed("not an IPv4 or IPv6 address");
    std::vector<net::Ip> addresses{*ip};
    if (ip->is_any() && !ip->is_v4()) addresses.clear(); // "::" is every address, as at the start
    if (addresses == pop3_.addresses()) return in_force(pop3_.address_text());
    manage::Outcome outcome = listen_on(std::move(addresses), pop3_.port());
    if (!outcome.ok) return outcome;
    changed_.insert("ip");
    outcome.text = pop3_.address_text();
    return outcome;
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
    pending = needs_.disk.submit(jobs::order(jobs::OpenRoot{message::RootRequest::to_choose(to.path)}),
                                 [this, done](worker::Answer answer) {
                                     jobs::RootAnswer said = jobs::read_opened_root(std::move(answer));
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
    const worker::Job job = jobs::order(jobs::CheckSpec{to.spec, needs_.transforms.programs_user()});
    pending =
        needs_.disk.submit(job, [this, user = to.user, spec = std::move(parsed.spec), done](worker::Answer answer) {
            const auto said = jobs::read<jobs::CheckSpec>(answer);
            if (said.why) return done(failed("the program cannot be checked: " + said.why.message()));
            if (!said.answer.problem.empty()) return done(failed(said.answer.problem));
            done(put_transform(user, {spec, true}));
        });
}

// A user without a transformation of his own has the default; giving him the same one as his own is still a change.
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

// The password is stored according to hash-scheme; a worker computes the secret.
void Control::add(const manage::AddUser& whom, worker::Pending& pending, OnDone done) {
    if (needs_.users.base().find(whom.name)) return done(failed("the user already exists"));
    const auto hashed = [this, name = whom.name, &pending, done](worker::Answer answer) {
        const auto said = jobs::read<jobs::MakeSecret>(answer);
        if (said.why) return done(failed("the password could not be hashed: " + said.why.message()));
        const auto added = needs_.users.base().add(name, said.answer.secret);
        if (!added) return done(failed(added.why()));
        hooks_.settings_changed();
        const std::string maildir = needs_.users.maildir_of(name);
        pending = needs_.disk.submit(
            jobs::order(jobs::MakeMaildir{needs_.root.root(), maildir}), [maildir, done](worker::Answer made) {
                const auto result = jobs::read<jobs::MakeMaildir>(made);
                done(result.why ? failed("added, but " + maildir +
                                         " cannot be made: " + message::words_for(result.why, maildir))
                                : manage::Outcome{});
            });
    };
    pending = needs_.hashes.submit(jobs::order(jobs::MakeSecret{settings_.hash_scheme, whom.secret}), hashed);
}

void Control::set(const manage::SetPassword& whom, worker::Pending& pending, OnDone done) {
    if (!needs_.users.base().find(whom.name)) return done(failed("no such user"));
    pending =
        needs_.hashes.submit(jobs::order(jobs::MakeSecret{settings_.hash_scheme, whom.secret}),
                             [this, name = whom.name, done](worker::Answer answer) {
                                 const auto said = jobs::read<jobs::MakeSecret>(answer);
                                 if (said.why)
                                     return done(failed("the password could not be hashed: " + said.why.message()));
                                 const auto changed = needs_.users.base().set_secret(name, said.answer.secret);
                                 if (!changed) return done(failed(changed.why()));
                                 hooks_.settings_changed();
                                 done({});
                             });
}

manage::Outcome Control::remove(const manage::RemoveUser& whom) {
    const auto removed = needs_.users.base().remove(whom.name);
    if (!removed) return failed(removed.why());
    // A later user of the same name must not inherit the transformation.
    if (needs_.transforms.forget(whom.name)) note_transform(whom.name);
    hooks_.settings_changed();
    return {};
}

// Users authenticated by a checkpassword program are known once they have logged in.
std::string Control::nobody_known() const {
    return needs_.logins.checkpassword().in_use()
               ? "no such user, or one who has not logged in since the server was started"
               : "no such user";
}

void Control::undelete(const manage::Undelete& what, worker::Pending& pending, OnDone done) {
    const std::string maildir = needs_.users.maildir_of(what.user);
    if (maildir.empty()) return done(failed(nobody_known()));
    const std::int64_t since = what.since ? what.since->time_since_epoch().count() : 0;
    pending = needs_.disk.submit(jobs::order(jobs::Restore{maildir, since}), [done](worker::Answer answer) {
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
        jobs::order(jobs::ReleaseUidls{{needs_.root.root(), maildir, false, {.uidl = std::move(rules)}}}),
        [done](worker::Answer answer) {
            const auto said = jobs::read<jobs::ReleaseUidls>(answer);
            done(said.why ? failed(message::words_for(said.why, {})) : manage::Outcome{});
        });
}

const state::Metrics& Control::metrics() {
    state::Metrics& now = needs_.metrics;
    const worker::Statistics disk = needs_.disk.statistics();
    const worker::Statistics hashes = needs_.hashes.statistics();
    now.filters_queued = needs_.transforms.queue().waiting();
    now.worker_jobs = disk.done + hashes.done;
    now.workers_busy = disk.running + disk.queued + hashes.running + hashes.queued;
    now.worker_failures = disk.crashed + hashes.crashed;
    // Counting descriptors takes time proportional to their number, and anybody may repeat METR often.
    if (const event::Instant at = event::Clock::now(); at >= measure_again_) {
        now.memory = resident_octets();
        now.descriptors = open_descriptors();
        measure_again_ = event::Clock::now() + std::max<event::Clock::duration>(1s, 100 * (event::Clock::now() - at));
    }
    return now;
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
    row.age = since(connection->began());
    row.idle = since(connection->last_activity());
    return row;
}

std::function<std::optional<std::string>()> Control::users() const {
    return [this, place = auth::UserBase::Place{}]() mutable -> std::optional<std::string> {
        const auto user = needs_.users.base().next(place);
        if (!user) return std::nullopt;
        std::string line{user->name};
        if (user->broken) line.append(" locked ").append(auth::fault_of_secret(user->secret));
        return line;
    };
}

} // namespace buzon::admin
