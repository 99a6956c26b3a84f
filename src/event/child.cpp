#include "buzon/event/child.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <memory>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/posix/result.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace buzon::event {
namespace {

// Reaps without blocking. False: still running.
bool reap(int pidfd, int& status) noexcept {
    siginfo_t info{};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0) {
        status = 0; // ECHILD: not our child, or already reaped
        return true;
    }
    if (info.si_pid == 0) return false;
    // Converts to the form that the W… macros of waitpid(2) expect.
    status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : (info.si_status & 0x7f);
    return true;
}

} // namespace

posix::UniqueFd open_pidfd(pid_t pid) noexcept {
    return posix::UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

Child::Child(ChildHandler& handler) noexcept : handler_{handler} {}

Child::~Child() {
    if (!pidfd_) return;
    watch_.stop();
    Undertaker::take(std::move(undertaker_), std::move(pidfd_));
}

std::error_code Child::start(EventLoop& loop, posix::UniqueFd pidfd) {
    undertaker_ = std::make_unique<Undertaker>(loop);
    pidfd_ = std::move(pidfd);
    return watch_.start(loop, pidfd_.get(), EPOLLIN, *this);
}

void Child::signal(int number) noexcept {
    if (pidfd_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

void Child::on_ready(std::uint32_t) {
    int status = 0;
    if (!reap(pidfd_.get(), status)) return;
    watch_.stop();
    pidfd_.reset();
    handler_.on_exit(status); // last: the handler may destroy us
}

void Undertaker::take(std::unique_ptr<Undertaker> undertaker, posix::UniqueFd pidfd) noexcept {
    int status = 0;
    if (reap(pidfd.get(), status)) return;
    undertaker->pidfd_ = std::move(pidfd);
    EventLoop& loop = undertaker->loop_;
    std::error_code why = std::make_error_code(std::errc::not_enough_memory);
    guarded([&] { why = undertaker->watch_.start(loop, undertaker->pidfd_.get(), EPOLLIN, *undertaker); }, [] {});
    if (!why) loop.own(std::move(undertaker));
}

void Undertaker::on_ready(std::uint32_t) {
    int status = 0;
    if (reap(pidfd_.get(), status)) loop_.disown(*this);
}

} // namespace buzon::event
