#include "member.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "buzon/event/child.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace buzon::filter {
namespace {

std::chrono::microseconds as_duration(const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

// waitid(2) with the fifth argument that the library's function leaves out.
bool wait_now(int pidfd, int options, siginfo_t& info, rusage& usage) noexcept {
    return ::syscall(SYS_waitid, P_PIDFD, pidfd, &info, options | WEXITED | WNOHANG, &usage) == 0 && info.si_pid != 0;
}

// For Child, which tells somebody; here nobody wants to know.
class Nobody final : public event::ChildHandler {
    void on_exit(int) override {}
};

} // namespace

std::string End::text() const {
    if (!killed) return "exit status " + std::to_string(code);
    const char* const name = ::sigabbrev_np(code);
    std::string text = name ? std::string{"killed by SIG"} + name : "killed by signal " + std::to_string(code);
    if (code == SIGXCPU) text += " (its time of processor was used up)";
    if (code == SIGXFSZ) text += " (it wrote too large a file)";
    return text;
}

Member::Member(event::EventLoop& loop, Owner& owner, Started started) noexcept
    : loop_{loop}, owner_{owner}, started_{std::move(started)} {}

Member::~Member() {
    watch_.stop();
    signal_group(SIGKILL);
    started_.place.end();
    siginfo_t info{};
    rusage usage{};
    if (wait_now(started_.pidfd.get(), 0, info, usage)) return;
    Nobody nobody;
    event::Child orphan{nobody};
    (void)orphan.start(loop_, std::move(started_.pidfd));   // its destructor calls the undertaker
}

std::error_code Member::watch() {
    return watch_.start(loop_, started_.pidfd.get(), EPOLLIN, *this);
}

void Member::signal_group(int number) const noexcept {
    ::kill(-started_.pid, number);
}

void Member::on_ready(std::uint32_t) {
    siginfo_t info{};
    rusage usage{};
    if (!wait_now(started_.pidfd.get(), WNOWAIT, info, usage)) return;
    watch_.stop();
    end_ = End{info.si_code != CLD_EXITED, info.si_status, as_duration(usage.ru_utime) + as_duration(usage.ru_stime)};
    owner_.on_member_ended();   // last: it may destroy us
}

} // namespace buzon::filter
