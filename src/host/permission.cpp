#include "permission.h"

#include <algorithm>
#include <array>

#include "buzon/filter/inspector.h"
#include "buzon/keeper/message.h"
#include "buzon/posix/io.h"

namespace buzon::host {
namespace {

using filter::FilterMember;
using filter::FilterSpec;
using filter::Rules;

bool begins_with(const filter::StartOrder& order, const FilterMember& member) {
    const std::size_t count = member.arguments.size() + 1;
    if (order.words.size() < count + 1 || member.path != order.words.front()) return false;
    return std::equal(member.arguments.begin(), member.arguments.end(), order.words.begin() + 1,
                      [](const std::string& wanted, const char* word) { return wanted == word; });
}

bool is_command(const filter::StartOrder& order, const FilterMember& member) {
    return begins_with(order, member) &&
           order.words.size() == member.arguments.size() + 2; // the path, and a null pointer at the end
}

// True also if our own command (last_login_program()) follows, which the program runs last.
bool is_login_command(const filter::StartOrder& order, const FilterMember& member) {
    if (is_command(order, member)) return true;
    const std::vector<std::string>& last = filter::last_login_program();
    const std::size_t before = member.arguments.size() + 1;
    return begins_with(order, member) && order.words.size() == before + last.size() + 1 &&
           std::equal(last.begin(), last.end(), order.words.begin() + static_cast<std::ptrdiff_t>(before),
                      [](const std::string& wanted, const char* word) { return wanted == word; });
}

template <class Test>
bool any_member(const std::vector<FilterSpec>& specs, const Test& test) {
    return std::any_of(specs.begin(), specs.end(), [&](const FilterSpec& spec) {
        return std::any_of(spec.members().begin(), spec.members().end(), test);
    });
}

// Whether the variable cannot change which code a program runs.
bool is_usual(std::string_view variable) {
    const filter::Environment usual;
    constexpr std::array ours = {std::string_view{"BUZON_USER="}, std::string_view{"BUZON_UIDL="},
                                 std::string_view{"BUZON_CLIENT_IP="}};
    return variable == "PATH=" + usual.path || variable == "LANG=" + usual.lang ||
           std::any_of(ours.begin(), ours.end(), [variable](auto name) { return variable.starts_with(name); });
}

} // namespace

Permission::Permission(std::string_view what, std::span<const int> descriptors)
    : all_{false}, logins_{what == keeper::host_of_logins} {
    for (const int memory : descriptors)
        if (std::optional<Rules> read = filter::decode_rules(posix::content_of(memory)))
            rules_.push_back(std::move(*read));
}

bool Permission::allows(const filter::StartOrder& order) {
    if (all_) return true;
    if (!std::all_of(order.variables.begin(), order.variables.end(),
                     [](const char* variable) { return variable == nullptr || is_usual(variable); }))
        return false;
    if (logins_)
        return std::any_of(rules_.begin(), rules_.end(), [&](const Rules& rules) {
            return any_member(rules.login_specs,
                              [&](const FilterMember& member) { return is_login_command(order, member); });
        });
    return std::any_of(rules_.begin(), rules_.end(), [](const Rules& rules) { return rules.any; }) || is_named(order) ||
           is_below_a_folder(order.words.front());
}

bool Permission::is_named(const filter::StartOrder& order) const {
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rules& rules) {
        return any_member(rules.specs, [&](const FilterMember& member) { return is_command(order, member); });
    });
}

bool Permission::is_below_a_folder(const std::string& path) const {
    return std::any_of(rules_.begin(), rules_.end(),
                       [&](const Rules& rules) { return filter::is_below(path, rules.folders); });
}

void Permission::confine(filter::StartOrder& order) const {
    if (logins_) {
        order.jail = {}; // a jail would only keep the program from what it needs
        return;
    }
    const auto said =
        std::find_if(rules_.begin(), rules_.end(), [](const Rules& rules) { return rules.jail.has_value(); });
    if (said == rules_.end()) return;
    const filter::Jail& jail = *said->jail;
    order.jail.kind = jail.kind;
    order.jail.readable = jail.readable;
    if (jail.kind == filter::JailKind::off) return;
    // The request may hide more: the mail root may have changed since.
    for (const std::string& path : jail.hidden)
        if (std::find(order.jail.hidden.begin(), order.jail.hidden.end(), path) == order.jail.hidden.end())
            order.jail.hidden.push_back(path);
}

} // namespace buzon::host
