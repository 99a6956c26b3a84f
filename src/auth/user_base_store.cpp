// How a UserBase keeps its users: one arena of text, entries that point into it, a hash table of entries.
#include <algorithm>
#include <functional>

#include "buzon/auth/secret.h"
#include "buzon/auth/user_base.h"
#include "buzon/auth/user_name.h"

namespace buzon::auth {
namespace {

// One stored secret of millions of rounds must not make every derivation for the others as dear.
constexpr std::uint32_t most_derived_iterations = 65536;

} // namespace

User UserBase::view(const Entry& entry) const noexcept {
    std::string_view rest = std::string_view{text_}.substr(entry.at);
    const auto take = [&rest](std::size_t size) {
        const std::string_view part = rest.substr(0, size);
        rest.remove_prefix(size);
        return part;
    };
    User user;
    user.name = take(entry.name);
    user.secret = take(entry.secret);
    user.maildir = take(entry.maildir);
    user.allow_nets = take(entry.allow_nets);
    user.transform = take(entry.transform);
    user.nologin = entry.nologin;
    user.nodelay = entry.nodelay;
    user.origin = entry.origin;
    return user;
}

const UserBase::Entry* UserBase::entry_of(std::string_view name) const noexcept {
    if (table_.empty()) return nullptr;
    const std::size_t mask = table_.size() - 1;
    for (std::size_t at = std::hash<std::string_view>{}(name) & mask; table_[at] != 0; at = (at + 1) & mask) {
        const Entry& entry = entries_[table_[at] - 1];
        // The dead keep their place: the search goes on behind them.
        if (entry.living && std::string_view{text_}.substr(entry.at, entry.name) == name) return &entry;
    }
    return nullptr;
}

std::string UserBase::fault_of(std::string_view name, std::string_view secret) const {
    if (const auto fault = fault_of_user_name(name); !fault.empty()) return std::string{fault};
    if (secret.size() > longest_passwd_line) return "the secret is too long";
    const auto parsed = Secret::parse(secret);
    return parsed ? std::string{} : parsed.why();
}

UserBase::Entry UserBase::store(const PasswdEntry& user, Origin origin) {
    const auto size = [](const std::string& part) { return static_cast<std::uint16_t>(part.size()); };
    const Entry entry{static_cast<std::uint32_t>(text_.size()), size(user.name), size(user.secret), size(user.maildir),
                      size(user.allow_nets), size(user.transform), origin, user.nologin, user.nodelay, true};
    text_ += user.name;
    text_ += user.secret;
    text_ += user.maildir;
    text_ += user.allow_nets;
    text_ += user.transform;
    ++living_;
    note_secret(user.secret, true);
    return entry;
}

void UserBase::append(const PasswdEntry& user, Origin origin) {
    entries_.push_back(store(user, origin));
    if (entries_.size() * 2 > table_.size()) return grow_table();
    const std::size_t mask = table_.size() - 1;
    std::size_t at = std::hash<std::string_view>{}(user.name) & mask;
    while (table_[at] != 0) at = (at + 1) & mask;
    table_[at] = static_cast<std::uint32_t>(entries_.size());
}

// A table of at most half full slots, with every entry in it.
void UserBase::grow_table() {
    std::size_t slots = 16;
    while (slots < entries_.size() * 4) slots *= 2;
    table_.assign(slots, 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const auto name = std::string_view{text_}.substr(entries_[i].at, entries_[i].name);
        std::size_t at = std::hash<std::string_view>{}(name) & (slots - 1);
        while (table_[at] != 0) at = (at + 1) & (slots - 1);
        table_[at] = static_cast<std::uint32_t>(i + 1);
    }
}

void UserBase::note_secret(std::string_view text, bool comes) {
    const auto secret = Secret::parse(text);
    if (secret.value().plain()) clear_ = comes ? clear_ + 1 : clear_ - 1;
    if (secret.value().scram()) scram_ = comes ? scram_ + 1 : scram_ - 1;
    if (!comes) return;
    if (const ScramCredentials* stored = secret.value().scram()) {
        scram_iterations_ = std::max(scram_iterations_, std::min(stored->iterations, most_derived_iterations));
    }
    if (secret.value().cost() > slowest_) {
        slowest_ = secret.value().cost();
        decoy_ = secret.value().decoy();
    }
}

void UserBase::drop(Entry& entry) {
    note_secret(view(entry).secret, false);
    garbage_ += std::size_t{entry.name} + entry.secret + entry.maildir + entry.allow_nets + entry.transform;
    entry.living = false;
    --living_;
}

// Run-time changes leave octets and entries behind; when those are the larger part, the living move together.
void UserBase::compact() {
    if (garbage_ * 2 <= text_.size() && living_ * 2 + 16 >= entries_.size()) return;
    std::string text;
    text.reserve(text_.size() - garbage_);
    std::vector<Entry> entries;
    entries.reserve(living_);
    for (Entry entry : entries_) {
        if (!entry.living) continue;
        const std::size_t size =
            std::size_t{entry.name} + entry.secret + entry.maildir + entry.allow_nets + entry.transform;
        const std::size_t at = text.size();
        text += std::string_view{text_}.substr(entry.at, size);
        entry.at = static_cast<std::uint32_t>(at);
        entries.push_back(entry);
    }
    text_ = std::move(text);
    entries_ = std::move(entries);
    garbage_ = 0;
    grow_table();
}

} // namespace buzon::auth
