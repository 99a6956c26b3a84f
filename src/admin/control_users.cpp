// admin/control_users.cpp - USER: users and their secrets, changed at run time.
#include "buzon/admin/control.h"
#include "buzon/jobs/jobs.h"
#include "buzon/login/logins.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/serve/transforms.h"

namespace buzon::admin {
namespace {

manage::Outcome refused(std::string why) {
    return {false, std::move(why)};
}

} // namespace

// The password is stored according to hash-scheme; a worker computes the secret, which we never see.
void Control::make_secret(const NewSecret& what, worker::Pending& pending, const OnDone& done, OnSecret then) {
    auth::UserBase& base = needs_.users.base();
    const std::uint64_t change = base.next_change();
    const auth::UserBase::Base from = base.base(what.user);
    const jobs::MakeSecret job{settings_.hash_scheme, what.secret, what.label, change, from};
    pending = needs_.hashes.slow.submit(
        jobs::order(job, base.changed_vault()),
        [done, change, from = from.change, then = std::move(then)](worker::Answer answer) {
            const auto said = jobs::read<jobs::MakeSecret>(answer);
            if (said.why) return done(refused("the password could not be hashed: " + said.why.message()));
            then(change, said.answer.facts, from);
        });
}

void Control::add(const manage::AddUser& whom, worker::Pending& pending, OnDone done) {
    if (needs_.users.base().find(whom.name)) return done(refused("the user already exists"));
    make_secret(
        {whom.name, {}, whom.secret}, pending, done,
        [this, name = whom.name, &pending, done](std::uint64_t change, const auth::SecretFacts& facts, std::uint64_t) {
            const auto added = needs_.users.base().add(name, change, facts);
            if (!added) return done(refused(added.why()));
            hooks_.settings_changed();
            const std::string maildir = needs_.users.maildir_of(name);
            pending = needs_.disk.submit(
                jobs::order_for(needs_.users.owner_of(name), jobs::MakeMaildir{needs_.root.root(), maildir}),
                [maildir, done](worker::Answer made) {
                    const auto result = jobs::read<jobs::MakeMaildir>(made);
                    done(result.why ? refused("added, but " + maildir +
                                              " cannot be made: " + message::words_for(result.why, maildir))
                                    : manage::Outcome{});
                });
        });
}

void Control::set(const manage::SetPassword& whom, worker::Pending& pending, OnDone done) {
    if (!needs_.users.base().find(whom.name)) return done(refused("no such user"));
    make_secret(
        {whom.name, {}, whom.secret}, pending, done,
        [this, name = whom.name, done](std::uint64_t change, const auth::SecretFacts& facts, std::uint64_t from) {
            const auto changed = needs_.users.base().set_secret(name, change, facts, from);
            if (!changed) return done(refused(changed.why()));
            hooks_.settings_changed();
            done({});
        });
}

manage::Outcome Control::remove(const manage::RemoveUser& whom) {
    const auto removed = needs_.users.base().remove(whom.name);
    if (!removed) return refused(removed.why());
    // A later user of the same name must not inherit the transformation.
    if (needs_.transforms.forget(whom.name)) note_transform(whom.name);
    hooks_.settings_changed();
    return {};
}

void Control::add(const manage::AddSecret& what, worker::Pending& pending, OnDone done) {
    const auto user = needs_.users.base().find(what.user);
    if (!user) return done(refused("no such user"));
    auto parsed = auth::parse_application(what.label);
    if (!parsed) return done(refused(parsed.why()));
    const std::string label = parsed.value().label;
    make_secret({what.user, label, what.secret}, pending, done,
                [this, name = what.user, application = std::move(parsed).value(),
                 done](std::uint64_t change, const auth::SecretFacts& facts, std::uint64_t from) {
                    const auto added = needs_.users.base().add_application(name, application, change, facts, from);
                    if (!added) return done(refused(added.why()));
                    hooks_.settings_changed();
                    done({});
                });
}

manage::Outcome Control::remove(const manage::RemoveSecret& what) {
    const auto removed = needs_.users.base().remove_application(what.user, what.label);
    if (!removed) return refused(removed.why());
    hooks_.settings_changed();
    return {};
}

std::function<std::optional<std::string>()> Control::users() const {
    return [this, place = auth::UserBase::Place{}]() mutable -> std::optional<std::string> {
        const auto user = needs_.users.base().next(place);
        if (!user) return std::nullopt;
        std::string line{user->name};
        if (!user->fault.empty())
            line.append(" locked ").append(user->fault);
        else if (user->locked)
            line += " locked the users file says so"; // `*`, `!...`, `x` or nothing
        return line;
    };
}

std::optional<std::vector<std::string>> Control::secrets(std::string_view user) const {
    if (!needs_.users.base().find(user)) return std::nullopt;
    std::vector<std::string> lines;
    for (const auth::Application& one : needs_.users.base().applications_of(user)) {
        std::string& line = lines.emplace_back(one.label);
        for (const char c : one.limits) line += c == ';' ? ' ' : c;
        if (one.expires && now() >= *one.expires) line += " expired";
        if (!one.fault.empty()) line.append(" broken ").append(one.fault);
    }
    return lines;
}

} // namespace buzon::admin
