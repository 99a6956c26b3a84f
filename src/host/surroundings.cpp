#include "surroundings.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "buzon/posix/unique_fd.h"
#include "names_in.h"

namespace buzon::host {
namespace {

// For each folder above a hidden path. Each entry costs every program a little; in larger folders, nothing is allowed.
constexpr std::size_t max_entries = 2000;
// File system timestamps may be this coarse: a change right after a folder was read may leave its timestamp the same.
constexpr long coarse_seconds = 1;

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// The path without links and dots. If it does not exist (yet), the part that does is resolved.
std::string resolved(const std::string& path) {
    std::unique_ptr<char, decltype(&std::free)> found{::realpath(path.c_str(), nullptr), &std::free};
    if (found) return found.get();
    if (path.empty() || path == "/" || path.front() != '/') return {};
    std::string above = resolved(parent_of(path));
    if (above.empty()) return {};
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.empty() || name == ".") return above;
    return (above == "/" ? "" : above) + "/" + name;
}

bool newer(const timespec& time, const timespec& than) {
    return time.tv_sec != than.tv_sec ? time.tv_sec > than.tv_sec : time.tv_nsec > than.tv_nsec;
}

} // namespace

void Surroundings::hide(const std::vector<std::string>& paths) {
    hidden_.clear();
    above_.clear();
    folders_.clear();
    allowed_.clear();
    for (const std::string& path : paths) {
        const std::string real = resolved(path);
        if (real.empty()) continue;
        hidden_.insert(real);
        above_.insert(real);
        for (std::string above = real; above != "/";) above_.insert(above = parent_of(above));
    }
    if (hidden_.empty())
        allowed_.push_back({"/", sandbox::Access::all});
    else if (!hidden_.contains("/"))
        read("/");
}

void Surroundings::read(const std::string& folder) {
    struct stat about {};
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (::stat(folder.c_str(), &about) != 0) return;
    now.tv_sec -= coarse_seconds;
    folders_.push_back({folder, about.st_ctim, newer(now, about.st_ctim)});
    const posix::UniqueFd opened{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const std::vector<std::string> names = opened ? names_in(opened.get()) : std::vector<std::string>{};
    for (const std::string& name : names) {
        const std::string path = (folder == "/" ? "" : folder) + "/" + name;
        if (hidden_.contains(path)) continue;
        if (above_.contains(path)) {
            read(path);
            continue;
        }
        // Do not follow links: a rule for a link would be one for its target.
        if (names.size() <= max_entries) allowed_.push_back({path, sandbox::Access::all, false});
    }
}

bool Surroundings::changed() const {
    for (const Folder& folder : folders_) {
        struct stat about {};
        if (!folder.settled || ::stat(folder.path.c_str(), &about) != 0 || newer(about.st_ctim, folder.changed) ||
            newer(folder.changed, about.st_ctim)) {
            return true;
        }
    }
    return false;
}

} // namespace buzon::host
