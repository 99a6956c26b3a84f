#include "buzon/files/edit_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "buzon/config/config_text.h"
#include "buzon/posix/io.h"
#include "buzon/posix/replace_file.h"

namespace buzon::files {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t longest_edited_file = 256u << 20;
// Whoever may read the file can keep it locked forever.
constexpr int most_tries = 1500;
constexpr useconds_t between_tries = 20'000;

// NFS locks only files that are open for writing; and closing such a file would count as a change of it.
bool has_no_locks(int error) noexcept {
    return error == EBADF || error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS;
}

bool is_still_there(const std::string& path, int file) {
    struct stat named {
    }, opened{};
    return ::stat(path.c_str(), &named) == 0 && ::fstat(file, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

// Edits of a file take turns, whichever process makes them: otherwise one would undo the other, and both would use the
// same temporary file. The file stays locked until its descriptor is closed. EAGAIN if that takes too long.
Result<UniqueFd> take_turn(const std::string& path) {
    for (int tries = 1;; ++tries) {
        struct stat about {};
        if (::stat(path.c_str(), &about) != 0) return last_error();
        if (!S_ISREG(about.st_mode)) return UniqueFd{}; // reading it tells what is wrong
        UniqueFd file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
        if (!file) return last_error();
        if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
            if (is_still_there(path, file.get())) return file;
            continue; // an edit has replaced it meanwhile
        }
        if (has_no_locks(errno)) return file;
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK || tries >= most_tries) return last_error();
        ::usleep(between_tries);
    }
}

template <class Change>
std::error_code edit(const std::string& path, Change change) {
    const Result<UniqueFd> turn = take_turn(path);
    if (!turn) return turn.error();
    const auto text = posix::read_regular_file(path.c_str(), longest_edited_file);
    if (!text) return text.error();
    const std::string changed = change(text.value());
    return changed == text.value() ? std::error_code{} : posix::replace_file(path, changed, "saving");
}

} // namespace

std::error_code edit_config(const std::string& path, const jobs::Edits& edits) {
    return edit(path, [&edits](const std::string& text) { return config::change_config(text, edits); });
}

std::error_code edit_users(const std::string& path, const auth::UserChanges& changes) {
    return edit(path, [&changes](const std::string& text) { return auth::rewrite_passwd_file(text, changes); });
}

} // namespace buzon::files
