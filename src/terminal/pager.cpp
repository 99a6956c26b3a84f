#include "buzon/terminal/pager.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "buzon/posix/io.h"

namespace buzon::client {
namespace {

constexpr std::array keys_for_the_pager = {SIGINT, SIGQUIT, SIGTSTP}; // while it runs, these are not for us

const char* command() {
    const char* const chosen = std::getenv("PAGER");
    if (chosen != nullptr) return chosen;
    return "command -v less >/dev/null && exec less; exec more";
}

// While it exists, signals from the terminal's keys reach only the pager. The destructor discards those that are
// pending for us: ignoring a signal does that.
class KeysElsewhere {
public:
    KeysElsewhere() {
        sigset_t keys;
        ::sigemptyset(&keys);
        for (const int key : keys_for_the_pager) ::sigaddset(&keys, key);
        ::sigprocmask(SIG_BLOCK, &keys, &before_);
    }
    ~KeysElsewhere() {
        for (const int key : keys_for_the_pager) {
            struct sigaction ignore {
            }, action{};
            ignore.sa_handler = SIG_IGN;
            ::sigaction(key, &ignore, &action);
            ::sigaction(key, &action, nullptr);
        }
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    KeysElsewhere(const KeysElsewhere&) = delete;
    KeysElsewhere& operator=(const KeysElsewhere&) = delete;

private:
    sigset_t before_;
};

std::optional<pid_t> start(int input) {
    ::setenv("LESS", "FRX", 0); // as git does: no alternate screen, and less exits at once if everything fits
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    sigset_t none, usual;
    ::sigemptyset(&none);
    ::sigemptyset(&usual);
    ::sigaddset(&usual, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &usual);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::array<std::string, 3> words = {"sh", "-c", command()};
    char* const argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, "/bin/sh", &files, &attributes, argv, environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return error == 0 ? std::optional{pid} : std::nullopt;
}

// Returns its exit code. If the pager stops, so do we, as the shell expects of a job.
int wait_for(pid_t pid) {
    for (;;) {
        int status = 0;
        if (::waitpid(pid, &status, WUNTRACED) < 0 && errno != EINTR) return 0;
        if (!WIFSTOPPED(status)) return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        ::raise(SIGSTOP);
        ::kill(pid, SIGCONT);
    }
}

std::size_t rows_of(std::string_view text, std::size_t width) {
    std::size_t rows = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        rows += std::max<std::size_t>(1, (columns(text.substr(0, end)) + width - 1) / width);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return rows;
}

} // namespace

bool needs_pager(const Output& out, std::string_view text) {
    const std::string_view chosen = command();
    if (chosen.empty() || chosen == "cat" || !can_move_cursor()) return false;
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(out.descriptor()) == 0) return false;
    const ScreenSize screen = screen_size(out.descriptor());
    return rows_of(text, screen.columns) >= screen.rows; // the next prompt needs a row
}

void put_paged(Output& out, std::string_view text) {
    if (!needs_pager(out, text)) return static_cast<void>(out.put(text));
    // A file, not a pipe: we would block on a pipe while the pager is stopped or does not read on.
    const posix::UniqueFd file{::memfd_create("reply", MFD_CLOEXEC)};
    if (!file || posix::write_all(file.get(), text) || ::lseek(file.get(), 0, SEEK_SET) != 0)
        return static_cast<void>(out.put(text));
    const KeysElsewhere quiet;
    const auto pid = start(file.get());
    constexpr int not_found = 126; // or 127: the shell could not run the pager
    if (!pid || wait_for(*pid) >= not_found) out.put(text);
}

} // namespace buzon::client
