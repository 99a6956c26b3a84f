#include "buzon/auth/user_base.h"

#include "allow_nets.h"
#include "buzon/auth/saslprep.h"
#include "buzon/auth/secret.h"
#include "buzon/auth/user_name.h"
#include "buzon/auth/utf8.h"

namespace buzon::auth {
namespace {

// The user of a line, and what is wrong with it; nobody for a comment or an unusable line.
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

// Adds the users of a passwd-file whose names are new. Returns the first error that rejects the file, or an empty text;
// with `findings` it continues after that.
std::string add_file(UserBlockBuilder& users, std::string_view text, std::vector<Finding>* findings) {
    if (text.size() > 1U << 30) return "the file is larger than 1 GiB";
    std::string first;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        std::string fault;
        const std::optional<PasswdEntry> user = read_line(users, line, fault);
        if (!fault.empty()) {
            if (first.empty()) first = "line " + std::to_string(number) + ": " + fault;
            if (!findings) return first;
            findings->push_back({number, std::move(fault), true});
        }
        if (!user) continue;
        if (findings && !user->secret_fault.empty()) {
            findings->push_back({number, locked_words(user->name, user->secret_fault), false});
        }
        if (!users.origin_of(user->name)) users.add(*user, Origin::file, number);
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
    if (!is_utf8(password)) return Wrong{"the password is not UTF-8"};
    if (password.find_first_of(std::string_view{"\r\n\0", 3}) != password.npos)
        return Wrong{"the password contains a line end or a NUL"};
    return NamedSecret{std::string{name}, "{PLAIN}" + std::string{password}};
}

std::string locked_words(std::string_view name, std::string_view fault) {
    return std::string{name} + ": " + std::string{fault} + "; this user cannot log in";
}

Parsed<UserBase> UserBase::load(std::span<const NamedSecret> command_line, std::string_view file_text,
                                std::vector<Finding>* findings) {
    UserBlockBuilder users;
    for (const NamedSecret& user : command_line) {
        if (auto fault = fault_of(user.name, user.secret); !fault.empty()) return Wrong{std::move(fault)};
        if (users.origin_of(user.name)) return Wrong{"the user " + user.name + " is given twice"};
        users.add({user.name, user.secret, {}, {}, {}, {}, false, false}, Origin::command_line);
    }
    users.reserve(file_text.size());
    if (auto fault = add_file(users, file_text, findings); !fault.empty()) return Wrong{std::move(fault)};
    return UserBase{users.build()};
}

std::string UserBase::fault_of(std::string_view name, std::string_view secret) {
    if (const auto fault = fault_of_user_name(name); !fault.empty()) return std::string{fault};
    if (secret.size() > longest_passwd_line) return "the secret is too long";
    const auto parsed = Secret::parse(secret);
    return parsed ? std::string{} : parsed.why();
}

std::optional<User> UserBase::find(std::string_view name) const {
    const auto own = own_.find(name);
    if (own == own_.end()) return block_.find(name);
    if (!own->second) return std::nullopt;
    return view(*own->second);
}

User UserBase::view(const Own& own) noexcept {
    const PasswdEntry& f = own.fields;
    return {f.name, f.secret, f.maildir, f.control, f.allow_nets, f.transform, f.nologin, f.nodelay, own.origin};
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
    const auto secret = Secret::parse(user->secret);
    return secret && !secret.value().is_locked() ? Standing::open : Standing::locked;
}

Credential UserBase::credential(std::string_view name, const std::optional<Source>& source) const {
    const auto user = find(name);
    const Standing standing = standing_of(user, source);
    return {standing, standing == Standing::open ? std::string{user->secret} : totals_.decoy};
}

ScramSource UserBase::scram_source(std::string_view name, const std::optional<Source>& source,
                                   std::string_view server_secret) const {
    const auto user = find(name);
    ScramSource scram;
    scram.iterations = totals_.scram_iterations;
    scram.salt = scram_salt_for(server_secret, name);
    if (standing_of(user, source) == Standing::open) {
        const auto secret = Secret::parse(user->secret);
        if (const ScramCredentials* stored = secret.value().scram()) {
            scram.genuine = true;
            scram.ready = *stored;
            return scram;
        }
        if (const std::string* password = secret.value().plain()) {
            scram.genuine = true;
            scram.password = saslprep(*password).value_or(*password);
            return scram;
        }
    }
    // If credentials are derived for users with a plain secret, derive them for nonexistent ones, too: same salt, same
    // time.
    if (totals_.clear > 0)
        scram.password = "nobody";
    else
        scram.ready = fake_scram_credentials(server_secret, name, totals_.scram_iterations);
    return scram;
}

std::optional<std::string> UserBase::clear_password(std::string_view name, const std::optional<Source>& source) const {
    const auto user = find(name);
    if (standing_of(user, source) != Standing::open) return std::nullopt;
    const auto secret = Secret::parse(user->secret);
    const std::string* const password = secret.value().plain();
    return password ? std::optional{*password} : std::nullopt;
}

Parsed<bool> UserBase::add(std::string_view name, std::string_view secret) {
    if (auto fault = fault_of(name, secret); !fault.empty()) return Wrong{std::move(fault)};
    if (find(name)) return Wrong{"the user already exists"};
    own_[std::string{name}] =
        Own{{std::string{name}, std::string{secret}, {}, {}, {}, {}, false, false}, Origin::run_time};
    ++living_;
    totals_.comes(secret);
    changes_[std::string{name}] = std::string{secret};
    return true;
}

Parsed<bool> UserBase::set_secret(std::string_view name, std::string_view secret) {
    if (auto fault = fault_of(name, secret); !fault.empty()) return Wrong{std::move(fault)};
    const std::optional<User> old = find(name);
    if (!old) return Wrong{"there is no such user"};
    totals_.goes(old->secret);
    totals_.comes(secret);
    Own changed{{std::string{old->name}, std::string{secret}, std::string{old->maildir}, std::string{old->control},
                 std::string{old->allow_nets}, std::string{old->transform}, old->nologin, old->nodelay},
                old->origin};
    own_[changed.fields.name] = std::move(changed);
    changes_[std::string{name}] = std::string{secret};
    return true;
}

Parsed<bool> UserBase::remove(std::string_view name) {
    const std::optional<User> old = find(name);
    if (!old) return Wrong{"there is no such user"};
    totals_.goes(old->secret);
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
    for (const auto& [name, secret] : changes_) {
        const std::optional<User> loaded = block_.find(name);
        if (loaded && loaded->origin == Origin::command_line) names.push_back(name);
    }
    return names;
}

void UserBase::repeat_changes_of(const UserBase& before) {
    for (const auto& [name, secret] : before.changes_) {
        const bool known = find(name).has_value();
        // A change that cannot be repeated is already in the new load.
        if (secret && known)
            static_cast<void>(set_secret(name, *secret));
        else if (secret)
            static_cast<void>(add(name, *secret));
        else if (known)
            static_cast<void>(remove(name));
    }
}

} // namespace buzon::auth
