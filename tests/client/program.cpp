#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "buzon/posix/io.h"
#include "support/programs.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 60s;

[[noreturn]] void exec_client(std::vector<std::string>& arguments, std::vector<std::string>& environment) {
    ::signal(SIGPIPE, SIG_DFL);
    std::string program = test::client_program();
    std::vector<char*> argv{program.data()}, envp;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (std::string& entry : environment) envp.push_back(entry.data());
    envp.push_back(nullptr);
    ::execve(program.c_str(), argv.data(), envp.data());
    ::_exit(127);
}

int exit_code(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool is_usual(int terminal) {
    termios mode{};
    ::tcgetattr(terminal, &mode);
    constexpr tcflag_t usual = ICANON | ECHO | ISIG | IEXTEN;
    return (mode.c_lflag & usual) == usual && (mode.c_iflag & ICRNL) != 0;
}

// Does what a shell does for a foreground job.
[[noreturn]] void mind_job(std::vector<std::string>& arguments, std::vector<std::string>& environment) {
    ::signal(SIGTTOU, SIG_IGN);
    const pid_t job = ::fork();
    if (job == 0) {
        ::setpgid(0, 0);
        ::tcsetpgrp(0, ::getpid());
        ::signal(SIGTTOU, SIG_DFL);
        exec_client(arguments, environment);
    }
    ::setpgid(job, job);
    for (;;) {
        int status = 0;
        ::waitpid(job, &status, WUNTRACED);
        if (!WIFSTOPPED(status)) ::_exit(exit_code(status));
        ::tcsetpgrp(0, ::getpid());
        static_cast<void>(posix::write_all(1, is_usual(0) ? "stopped\n" : "stopped in raw mode\n"));
        ::tcsetpgrp(0, job);
        ::kill(-job, SIGCONT);
    }
}

std::string content(int file) {
    std::string text;
    char piece[4096];
    ssize_t n = 0;
    while ((n = ::pread(file, piece, sizeof piece, static_cast<off_t>(text.size()))) > 0) {
        text.append(piece, static_cast<std::size_t>(n));
    }
    return text;
}

} // namespace

Finished run_client(std::vector<std::string> arguments, std::string_view input, std::vector<std::string> environment) {
    // Output goes to files, not pipes, so nobody can block. stdin is a pipe, since the client reads commands from one.
    const posix::UniqueFd out{::memfd_create("out", MFD_CLOEXEC)}, err{::memfd_create("err", MFD_CLOEXEC)};
    auto made = posix::make_pipe(false);
    if (!made) throw std::runtime_error{"no pipe"};
    posix::Pipe in = std::move(made).value();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setsid(); // no terminal to ask for passwords on
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(in.read_end.get(), 0);
        ::dup2(out.get(), 1);
        ::dup2(err.get(), 2);
        exec_client(arguments, environment);
    }
    in.read_end.reset();
    // A client that ends early breaks the pipe, which does not matter to the test.
    static_cast<void>(posix::write_all(in.write_end.get(), input));
    in.write_end.reset();
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {exit_code(status), content(out.get()), content(err.get())};
}

TerminalClient::TerminalClient(std::vector<std::string> arguments, std::size_t rows, std::size_t columns, Parent parent,
                               std::vector<std::string> environment)
    : master_{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)}, screen_{rows, columns} {
    ::grantpt(master_.get());
    ::unlockpt(master_.get());
    // Kept open, so that the terminal's mode can be queried after the program has ended.
    slave_.reset(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave_) throw std::runtime_error{"no pseudo-terminal"};
    resize(rows, columns);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::setsid();
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::ioctl(slave_.get(), TIOCSCTTY, 0);
        for (const int standard : {0, 1, 2}) ::dup2(slave_.get(), standard);
        if (parent == Parent::shell) mind_job(arguments, environment);
        exec_client(arguments, environment);
    }
}

TerminalClient::~TerminalClient() {
    if (code_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void TerminalClient::type(std::string_view bytes) {
    if (posix::write_all(master_.get(), bytes)) throw std::runtime_error{"the terminal takes no keys"};
}

bool TerminalClient::read_more() {
    if (!code_) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) code_ = exit_code(status);
    }
    pollfd ready{master_.get(), POLLIN, 0};
    ::poll(&ready, 1, 20);
    char piece[4096];
    const posix::Transfer got = posix::read_some(master_.get(), piece);
    if (got.what == posix::Moved::some) {
        screen_.write({piece, got.bytes});
        everything_.append(piece, got.bytes);
        return true;
    }
    return !code_;
}

void TerminalClient::wait_until(const std::function<bool()>& seen, std::string_view what) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!seen()) {
        const bool late = std::chrono::steady_clock::now() > deadline;
        if (late || !read_more()) {
            if (!late && seen()) return;
            throw std::runtime_error{"the screen never showed \"" + std::string{what} + "\" but\n" + screen_.text()};
        }
    }
}

void TerminalClient::wait_for(std::string_view text) {
    wait_until([&] { return screen_.text().find(text) != std::string::npos; }, text);
}

void TerminalClient::wait_cursor(std::string_view row_end) {
    wait_until(
        [&] {
            const std::string row = screen_.row_with_cursor();
            return row.size() >= row_end.size() && row.substr(row.size() - row_end.size()) == row_end;
        },
        row_end);
}

void TerminalClient::resize(std::size_t rows, std::size_t columns) {
    winsize size{};
    size.ws_row = static_cast<unsigned short>(rows);
    size.ws_col = static_cast<unsigned short>(columns);
    screen_ = Screen{rows, columns};
    ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

void TerminalClient::signal(int number) {
    ::kill(pid_, number);
}

int TerminalClient::wait_end() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (read_more()) {
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error{"it does not end:\n" + screen_.text()};
    }
    return *code_;
}

bool TerminalClient::mode_is_usual() const {
    return is_usual(slave_.get());
}
