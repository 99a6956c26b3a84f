#include "buzon/auth/user_base.h"

#include <algorithm>

#include "allow_nets.h"
#include "buzon/auth/secret.h"
#include "buzon/auth/user_name.h"
#include "buzon/line/utf8.h"

namespace buzon::auth {
namespace {

struct Builders {
    UserBlockBuilder users{UserBlockBuilder::Content::users};
    UserBlockBuilder secrets{UserBlockBuilder::Content::secrets};

    void add(const PasswdEntry& user, Origin origin, std::size_t line = 0) {
        users.add(user, origin, line);
        PasswdEntry secret;
        secret.name = user.name;
        secret.secret = user.secret;
        secret.facts = user.facts;
        secrets.add(secret, origin);
    }
};

// What is wrong with a user from the command line; empty if nothing is.
std::string fault_of(const NamedSecret& user) {
    if (const auto fault = fault_of_user_name(user.name); !fault.empty()) return std::string{fault};
    if (user.secret.size() > longest_passwd_line) return "the secret is too long";
    return fault_of_secret(user.secret);
}

// The user of a line; nothing for a comment or an unusable line. `fault`: what is wrong with the line.
std::optional<PasswdEntry> read_line(const UserBlockBuilder& users, std::string_view line, std::string& fault) {
    auto parsed = parse_passwd_line(line);
    if (!parsed) {
        fault = parsed.why();
        return std::nullopt;
    }
    std::optional<PasswdEntry>& user = parsed.value();
    if (user && users.origin_of(user->name) == Origin::file) {
        fault = user->name + ": the same name is on an earlier line";
        return std::nullopt;
    }
    return std::move(user);
}

// Adds the users of a passwd-file whose names are new. Returns the first error that makes the file invalid, or an empty
// text; with `findings` it continues after an error.
std::string add_file(Builders& to, std::string_view text, std::vector<Finding>* findings) {
    if (text.size() > 1U << 30) return "the file is larger than 1 GiB";
    std::string first;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        std::string fault;
        const std::optional<PasswdEntry> user = read_line(to.users, line, fault);
        if (!fault.empty()) {
            if (first.empty()) first = "line " + std::to_string(number) + ": " + fault;
            if (!findings) return first;
            findings->push_back({number, std::move(fault), true});
        }
        if (!user) continue;
        if (findings) {
            const std::string applications = to_text(user->applications);
            User found;
            found.name = user->name;
            found.fault = user->secret_fault;
            found.applications = applications;
            for (std::string& words : faults_of(found)) findings->push_back({number, std::move(words), false});
            if (!user->ids_fault.empty()) findings->push_back({number, user->name + ": " + user->ids_fault, false});
        }
        if (!to.users.origin_of(user->name)) to.add(*user, Origin::file, number);
    }
    return first;
}

} // namespace

Parsed<NamedSecret> parse_name_and_password(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == text.npos) return Wrong{"NAME:PASS has no ':'"};
    const std::string_view name = text.substr(0, colon);
    const std::string_view password = text.substr(colon + 1);
    if (const auto fault = fault_of_user_name(name); !fault.empty()) return Wrong{std::string{fault}};
    if (password.empty()) return Wrong{"the password is empty"};
    if (!line::is_utf8(password)) return Wrong{"the password is not UTF-8"};
    if (password.find_first_of(std::string_view{"\r\n\0", 3}) != password.npos)
        return Wrong{"the password contains a line end or a NUL"};
    return NamedSecret{std::string{name}, "{PLAIN}" + std::string{password}};
}

std::vector<std::string> faults_of(const User& user) {
    std::vector<std::string> all;
    const std::string name = std::string{user.name} + ": ";
    const bool others = any_valid(user.applications);
    if (!user.fault.empty()) {
        all.push_back(
            name + std::string{user.fault} +
            (others ? "; this user can log in only with an application password" : "; this user cannot log in"));
    }
    for (const Application& one : applications_in(user.applications))
        if (!one.fault.empty())
            all.push_back(name + "application password " + one.label + ": " + one.fault +
                          "; nobody can log in with it");
    return all;
}

Parsed<LoadedUsers> UserBase::load(std::span<const NamedSecret> command_line, std::string_view file_text,
                                   std::vector<Finding>* findings) {
    Builders to;
    for (const NamedSecret& user : command_line) {
        if (auto fault = fault_of(user); !fault.empty()) return Wrong{std::move(fault)};
        if (to.users.origin_of(user.name)) return Wrong{"the user " + user.name + " is given twice"};
        PasswdEntry entry;
        entry.name = user.name;
        entry.secret = user.secret;
        entry.judge_secret();
        to.add(entry, Origin::command_line);
    }
    to.users.reserve(file_text.size());
    to.secrets.reserve(file_text.size());
    if (auto fault = add_file(to, file_text, findings); !fault.empty()) return Wrong{std::move(fault)};
    return LoadedUsers{to.users.build(), to.secrets.build()};
}

std::optional<User> UserBase::find(std::string_view name) const {
    const auto own = own_.find(name);
    if (own == own_.end()) return block_.find(name);
    if (!own->second) return std::nullopt;
    return view(*own->second);
}

User UserBase::view(const Own& own) noexcept {
    const PasswdEntry& f = own.fields;
    return {f.name,      f.secret_fault,   f.maildir,     f.control,      f.allow_nets,
            f.transform, own.applications, f.nologin,     f.nodelay,      own.origin,
            f.ids,       f.facts.clear,    f.facts.scram, f.facts.locked, cost_of(own) > 0};
}

// Of the secrets of a line we know only whether verifying them all is slow: that counts while one of them is in force.
std::uint64_t UserBase::cost_of(const Own& own) noexcept {
    std::uint64_t cost = own.fields.facts.cost;
    bool loaded = !own.changes.main;
    for (const Application& one : own.fields.applications) {
        cost += one.cost;
        loaded = loaded || one.change == 0;
    }
    return cost + (loaded && own.slow_line ? 1 : 0);
}

// The block's users, then those added since.
std::optional<User> UserBase::next(Place& place) const {
    while (place.in_block < block_.count()) {
        const User user = block_.user(place.in_block++);
        const auto own = own_.empty() ? own_.end() : own_.find(user.name);
        if (own == own_.end()) return user;
        if (own->second) return view(*own->second);
    }
    for (auto own = own_.upper_bound(place.name); own != own_.end(); ++own) {
        if (!own->second || block_.find(own->first)) continue;
        place.name = own->first;
        return view(*own->second);
    }
    return std::nullopt;
}

Standing UserBase::standing_of(const std::optional<User>& user, const std::optional<Source>& source) const {
    if (!user) return Standing::unknown;
    if (user->nologin) return Standing::nologin;
    if (!user->allow_nets.empty()) {
        const auto nets = AllowNets::parse(user->allow_nets);
        if (!nets || !nets.value().contains(source)) return Standing::wrong_network;
    }
    return user->locked && !any_valid(user->applications) ? Standing::locked : Standing::open;
}

Credential UserBase::credential(std::string_view name, const std::optional<Source>& source, Secrets which) const {
    const auto user = find(name);
    const Standing standing = standing_of(user, source);
    if (standing != Standing::open) {
        const std::uint64_t change = totals_.slowest_change;
        return {standing, {{}, change, true}, change != 0 ? changed_ : loaded_, totals_.slowest > 0};
    }
    Credential found{standing, {std::string{name}}, loaded_, user->slow};
    if (const auto own = own_.find(name); own != own_.end())
        place(*own->second, which, found);
    else if (which == Secrets::main)
        found.place.among = {""};
    return found;
}

// Some secrets of such a user may be in the loaded vault, and others in the vault of changes.
void UserBase::place(const Own& own, Secrets which, Credential& into) const {
    SecretPlace changed{own.fields.name, own.changes.change};
    into.main_change = own.changes.main ? own.changes.change : 0;
    (own.changes.main ? changed : into.place).among.push_back("");
    for (const Application& one : own.fields.applications)
        if (which == Secrets::all && one.fault.empty())
            (one.change != 0 ? changed : into.place).among.push_back(one.label);
    if (changed.among.empty()) return;
    if (!into.place.among.empty()) {
        into.changed = std::move(changed);
        return;
    }
    into.place = std::move(changed);
    into.vault = changed_;
}

std::vector<Application> UserBase::applications_of(std::string_view name) const {
    if (const auto own = own_.find(name); own != own_.end())
        return own->second ? own->second->fields.applications : std::vector<Application>{};
    const auto user = find(name);
    return user ? applications_in(user->applications) : std::vector<Application>{};
}

ScramSource UserBase::scram_source(std::string_view name, const std::optional<Source>& source) const {
    ScramSource scram{credential(name, source, Secrets::main), totals_.scram_iterations, totals_.clear > 0, false};
    const auto user = find(name);
    const bool stored = user && user->scram && scram.credential.standing == Standing::open;
    scram.slow = !stored && totals_.clear > 0;
    return scram;
}

UserBase::Base UserBase::base(std::string_view name) const {
    const auto found = own_.find(name);
    if (found == own_.end() || !found->second) return {};
    const Own& own = *found->second;
    Base base{own.changes.change, {}};
    if (own.changes.main) base.labels.push_back("");
    for (const Application& one : own.fields.applications)
        if (one.change != 0) base.labels.push_back(one.label);
    return base;
}

UserBase::Own* UserBase::own(std::string_view name) {
    if (const auto found = own_.find(name); found != own_.end()) return found->second ? &*found->second : nullptr;
    const std::optional<User> user = block_.find(name);
    if (!user) return nullptr;
    Own made;
    PasswdEntry& f = made.fields;
    f.name = user->name;
    f.maildir = user->maildir;
    f.control = user->control;
    f.allow_nets = user->allow_nets;
    f.transform = user->transform;
    f.nologin = user->nologin;
    f.nodelay = user->nodelay;
    f.ids = user->ids;
    f.facts = {user->clear, user->scram, user->locked, 0, 0};
    f.secret_fault = user->fault;
    f.applications = applications_in(user->applications);
    made.origin = user->origin;
    made.slow_line = user->slow;
    return &*(own_[f.name] = std::move(made));
}

Parsed<UserBase::Own*> UserBase::own_from(std::string_view name, std::uint64_t base) {
    Own* const found = own(name);
    if (!found) return Wrong{"no such user"};
    if (found->changes.change != base) return Wrong{"the user was changed concurrently; try again"};
    return found;
}

// Call it after every change.
void UserBase::note(Own& own) {
    own.applications = to_text(own.fields.applications);
    own.changes.added.clear();
    for (const Application& one : own.fields.applications)
        if (one.change != 0) own.changes.added.push_back(one.label + one.limits);
    changes_[own.fields.name] = own.changes;
}

Parsed<bool> UserBase::add(std::string_view name, std::uint64_t change, const SecretFacts& facts) {
    if (const auto fault = fault_of_user_name(name); !fault.empty()) return Wrong{std::string{fault}};
    if (find(name)) return Wrong{"the user already exists"};
    Own added;
    added.fields.name = name;
    added.fields.facts = facts;
    added.changes.change = change;
    added.changes.main = true;
    // It was removed: nothing of its line may come back. Since the last load, SAVE may have written a line for it.
    const auto removed = changes_.find(name);
    added.changes.new_user = block_.find(name).has_value() || (removed != changes_.end() && !removed->second);
    ++living_;
    totals_.comes(facts, change);
    note(*(own_[std::string{name}] = std::move(added)));
    return true;
}

Parsed<bool> UserBase::set_secret(std::string_view name, std::uint64_t change, const SecretFacts& facts,
                                  std::uint64_t base) {
    const auto changed = own_from(name, base);
    if (!changed) return Wrong{changed.why()};
    Own& user = *changed.value();
    SecretFacts& known = user.fields.facts;
    totals_.goes(known.clear, known.scram);
    known = facts;
    user.fields.secret_fault.clear();
    user.changes.change = change;
    user.changes.main = true;
    totals_.comes({facts.clear, facts.scram, facts.locked, facts.iterations, cost_of(user)}, change);
    note(user);
    return true;
}

Parsed<bool> UserBase::add_application(std::string_view name, Application application, std::uint64_t change,
                                       const SecretFacts& facts, std::uint64_t base) {
    const auto changed = own_from(name, base);
    if (!changed) return Wrong{changed.why()};
    Own& user = *changed.value();
    std::vector<Application>& all = user.fields.applications;
    if (all.size() >= max_applications)
        return Wrong{"the user already has " + std::to_string(all.size()) + " application passwords"};
    if (std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.label == application.label; }))
        return Wrong{"the label already exists"};
    application.change = change;
    application.cost = facts.cost;
    all.push_back(std::move(application));
    totals_.comes({false, false, false, 0, cost_of(user)}, change);
    user.changes.change = change;
    note(user);
    return true;
}

Parsed<bool> UserBase::remove_application(std::string_view name, std::string_view label) {
    Own* const user = own(name);
    if (!user) return Wrong{"no such user"};
    if (std::erase_if(user->fields.applications, [&](const auto& one) { return one.label == label; }) == 0)
        return Wrong{"no such label"};
    std::vector<std::string>& removed = user->changes.removed;
    if (std::find(removed.begin(), removed.end(), label) == removed.end()) removed.emplace_back(label);
    note(*user);
    return true;
}

Parsed<bool> UserBase::remove(std::string_view name) {
    const std::optional<User> old = find(name);
    if (!old) return Wrong{"no such user"};
    totals_.goes(old->clear, old->scram);
    --living_;
    changes_[std::string{name}] = std::nullopt;
    if (block_.find(name))
        own_[std::string{name}] = std::nullopt;
    else
        own_.erase(own_.find(name));
    return true;
}

std::vector<std::string> UserBase::changes_without_file() const {
    std::vector<std::string> names;
    for (const auto& [name, change] : changes_) {
        const std::optional<User> loaded = block_.find(name);
        if (loaded && loaded->origin == Origin::command_line) names.push_back(name);
    }
    return names;
}

void UserBase::repeat_changes_of(const UserBase& before) {
    changed_ = before.changed_;
    last_change_ = before.last_change_;
    for (const auto& [name, change] : before.changes_) {
        // A change that cannot be repeated is already in the new load.
        if (!change || change->new_user) static_cast<void>(remove(name));
        if (!change) continue;
        const bool known = find(name).has_value();
        const PasswdEntry& fields = before.own_.find(name)->second->fields;
        if (!known && change->main) static_cast<void>(add(name, change->change, fields.facts));
        if (known && change->main) static_cast<void>(set_secret(name, change->change, fields.facts, 0));
        for (const std::string& label : change->removed) static_cast<void>(remove_application(name, label));
        for (const Application& one : fields.applications) {
            if (one.change == 0) continue;
            static_cast<void>(remove_application(name, one.label)); // the file may have it by now
            const std::uint64_t number = base(name).change;
            if (add_application(name, one, change->change, {false, false, false, 0, one.cost}, number))
                own(name)->fields.applications.back() = one;
        }
    }
}

} // namespace buzon::auth
