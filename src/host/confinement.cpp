#include "confinement.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "no_network.h"

namespace buzon::host {
namespace {

using filter::JailKind;
using sandbox::Access;

// What a program needs to run at all.
const std::vector<sandbox::Allowed>& systems_folders() {
    static const std::vector<sandbox::Allowed> folders = {
        {"/usr", Access::run},         {"/bin", Access::run},         {"/sbin", Access::run},
        {"/lib", Access::run},         {"/lib32", Access::run},       {"/lib64", Access::run},
        {"/etc", Access::read},        {"/proc", Access::read},       {"/sys/devices/system", Access::read},
        {"/dev/null", Access::use},    {"/dev/zero", Access::use},    {"/dev/full", Access::use},
        {"/dev/random", Access::read}, {"/dev/urandom", Access::read}};
    return folders;
}

std::string folder_of(const char* program) {
    std::unique_ptr<char, decltype(&std::free)> real{::realpath(program, nullptr), &std::free};
    const std::string path = real ? real.get() : program;
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

// Makes a ruleset, or nothing if the kernel has no Landlock: the server has reported that at startup.
int make(const sandbox::Reach& reach, std::optional<sandbox::Ruleset>& into) {
    into.reset();
    if (sandbox::landlock_version() == 0) return 0;
    auto made = sandbox::Ruleset::make(reach);
    if (!made) return made.error().value();
    into.emplace(std::move(made).value());
    return 0;
}

} // namespace

int Confinement::prepare(filter::StartOrder& order) {
    sockets_ = order.jail.kind != JailKind::strict;
    inner_.reset();
    if (order.jail.kind == JailKind::off) {
        outer_.reset();
        jail_ = {};
        temporary_.remove();
    } else {
        if (order.jail.hidden != jail_.hidden) {
            surroundings_.hide(order.jail.hidden);
            outer_.reset();
        }
        if (const int error = prepare_temporary(order)) return error;
        if (const int error = hide(order.jail)) return error;
        if (order.jail.kind == JailKind::strict) {
            if (const int error = shut(order)) return error;
        }
    }
    variable_ = "TMPDIR=" + (temporary_.path().empty() ? std::string{"/tmp"} : temporary_.path());
    order.variables.insert(order.variables.end() - 1, variable_.data());
    return 0;
}

// A program gets a temporary folder of its own if it may write nowhere else, or not to /tmp.
int Confinement::prepare_temporary(const filter::StartOrder& order) {
    if (order.jail.kind != JailKind::strict && !surroundings_.is_above_hidden("/tmp")) {
        temporary_.remove();
        return 0;
    }
    return temporary_.prepare();
}

int Confinement::hide(const filter::Jail& jail) {
    const bool same = jail.hidden == jail_.hidden;
    jail_ = jail;
    if (outer_ && same && !surroundings_.changed()) return 0;
    surroundings_.hide(jail.hidden);
    return make({surroundings_.allowed(), true, false, true}, outer_);
}

int Confinement::shut(const filter::StartOrder& order) {
    sandbox::Reach reach{systems_folders(), false, false, false};
    if (const std::string folder = folder_of(order.words.front()); !folder.empty())
        reach.files.push_back({folder, Access::run});
    for (const std::string& path : order.jail.readable) reach.files.push_back({path, Access::read});
    reach.files.push_back({temporary_.path(), Access::all});
    return make(reach, inner_);
}

int Confinement::enforce() const noexcept {
    for (const auto* domain : {&outer_, &inner_}) {
        if (!*domain) continue;
        if (const int error = (**domain).enforce()) return error;
    }
    return sockets_ ? 0 : refuse_sockets();
}

} // namespace buzon::host
