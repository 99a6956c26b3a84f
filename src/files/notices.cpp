#include "buzon/files/notices.h"

#include <sys/inotify.h>

#include <filesystem>

namespace buzon::files {

posix::Result<config::FileWatch::Notices> watch_for_changes(const std::string& path) {
    std::error_code why;
    const std::filesystem::path file = std::filesystem::absolute(path, why);
    if (why) return why;
    config::FileWatch::Notices made{file.filename(), posix::UniqueFd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)}};
    if (!made.notices) return posix::last_error();
    if (::inotify_add_watch(made.notices.get(), file.parent_path().c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) <
        0) {
        return posix::last_error();
    }
    return made;
}

} // namespace buzon::files
