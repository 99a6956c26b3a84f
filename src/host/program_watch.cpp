#include "program_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace buzon::host {
namespace {

// Changes of a folder's contents do not matter: of a folder, only its own removal or move is reported.
std::uint32_t events_of(mode_t mode) {
    const std::uint32_t itself = IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;
    if (S_ISDIR(mode)) return itself;
    // A file that is in use is only unlinked, which IN_ATTRIB reports: it is deleted later.
    return itself | IN_ATTRIB | (S_ISREG(mode) ? std::uint32_t{IN_MODIFY} : 0U);
}

void watch_each_part(int watch, const std::string& path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        struct stat about {};
        if (::lstat(part.c_str(), &about) == 0) ::inotify_add_watch(watch, part.c_str(), events_of(about.st_mode));
        if (slash == std::string::npos) return;
    }
}

} // namespace

posix::UniqueFd watch_program(const std::string& path) {
    posix::UniqueFd watch{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (!watch) return watch;
    watch_each_part(watch.get(), path);
    const std::unique_ptr<char, decltype(&std::free)> real{::realpath(path.c_str(), nullptr), &std::free};
    if (real && path != real.get()) watch_each_part(watch.get(), real.get());
    return watch;
}

} // namespace buzon::host
