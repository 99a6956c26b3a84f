#include "each.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "buzon/posix/io.h"

namespace buzon::programs {
namespace {

std::string error_text() {
    return std::strerror(errno);
}

// The whole environment of a plain program.
std::vector<std::string> variables_for(const Letter& letter) {
    std::vector<std::string> variables = {"BUZON_USER=" + letter.user, "BUZON_UIDL=" + letter.uidl,
                                          "BUZON_CLIENT_IP=" + letter.ip};
    for (const char* name : {"PATH", "LANG", "TMPDIR"})
        if (const char* const value = std::getenv(name)) variables.push_back(std::string{name} + '=' + value);
    return variables;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

// The message as a file, so that the program can seek in it.
posix::UniqueFd as_file(const std::string& octets) {
    posix::UniqueFd file{::memfd_create("buzon-message", MFD_CLOEXEC)};
    if (file && posix::write_all(file.get(), octets)) file.reset();
    if (file) ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

// Writes an errno into `trouble` if the program cannot be run.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& variables, int input, int output,
                         int trouble) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    std::signal(SIGPIPE, SIG_DFL);
    if (::dup2(input, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0)
        ::execve(argv.front(), argv.data(), variables.data());
    const int why = errno;
    (void)!::write(trouble, &why, sizeof why);
    ::_exit(127);
}

// Reads what the program writes before it ends. A process that it leaves behind may hold the pipe open and go on
// writing: that is not part of the message.
std::string read_until_end(int output, int program) {
    std::string octets;
    std::array<char, 65536> piece;
    for (;;) {
        std::array<pollfd, 2> ready = {pollfd{output, POLLIN, 0}, pollfd{program, POLLIN, 0}};
        if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return octets;
        std::size_t most = piece.size();
        const bool ended = ready[1].revents != 0;
        if (ended) {
            int left = 0;
            if (::ioctl(output, FIONREAD, &left) != 0) return octets;
            most = static_cast<std::size_t>(left);
        } else if (ready[0].revents == 0) {
            continue;
        }
        do {
            const ssize_t n = ::read(output, piece.data(), std::min(most, piece.size()));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return octets;
            octets.append(piece.data(), static_cast<std::size_t>(n));
            most -= static_cast<std::size_t>(n);
        } while (ended && most > 0);
        if (ended) return octets;
    }
}

std::string end_text(int status) {
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? std::string{} : "exit status " + std::to_string(WEXITSTATUS(status));
}

} // namespace

Made run_program(const std::vector<std::string>& argv, const Letter& letter) {
    const auto problem = [&](const std::string& why) { return Made{{}, argv.front() + ": " + why}; };
    const posix::UniqueFd input = as_file(letter.octets);
    auto output = posix::make_pipe(false);
    auto trouble = posix::make_pipe(false);
    if (!input || !output || !trouble) return problem(error_text());
    const std::vector<std::string> variables = variables_for(letter);
    const std::vector<char*> words = pointers_to(argv), names = pointers_to(variables);
    const pid_t pid = ::fork();
    if (pid < 0) return problem(error_text());
    if (pid == 0) become(words, names, input.get(), output.value().write_end.get(), trouble.value().write_end.get());
    output.value().write_end.reset();
    trouble.value().write_end.reset();
    const posix::UniqueFd program{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    Made made;
    int why = 0;
    const bool refused = ::read(trouble.value().read_end.get(), &why, sizeof why) == static_cast<ssize_t>(sizeof why);
    if (!refused) made.octets = read_until_end(output.value().read_end.get(), program.get());
    siginfo_t end{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    ::kill(-pid, SIGKILL); // what it has left behind; unreaped, so the number is still its own
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (refused) return problem(std::strerror(why));
    if (const std::string text = end_text(status); !text.empty()) return problem(text);
    return made;
}

} // namespace buzon::programs
