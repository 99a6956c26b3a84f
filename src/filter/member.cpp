#include "member.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace buzon::filter {
namespace {

// How the process has ended, if it has. It stays unreaped.
std::optional<End> look(int pidfd) noexcept {
    siginfo_t info{};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return End{false, -1}; // ECHILD: already reaped
    if (info.si_pid == 0) return std::nullopt;
    return End{info.si_code != CLD_EXITED, info.si_status};
}

} // namespace

std::string End::text() const {
    if (!killed) return code < 0 ? "exit status unknown" : "exit status " + std::to_string(code);
    const char* const name = ::sigabbrev_np(code);
    std::string text = name ? std::string{"killed by SIG"} + name : "killed by signal " + std::to_string(code);
    if (code == SIGXCPU) text += " (CPU time limit exceeded)";
    if (code == SIGXFSZ) text += " (file size limit exceeded)";
    return text;
}

Member::Member(event::EventLoop& loop, Owner& owner)
    : loop_{loop}, owner_{owner}, undertaker_{std::make_unique<event::Undertaker>(loop)} {}

Member::~Member() {
    watch_.stop();
    if (!started_.pidfd) return;
    if (!end_) end_ = look(started_.pidfd.get());
    if (number_is_ours()) signal_group(SIGKILL);
    started_.place.end();
    event::Undertaker::take(std::move(undertaker_), std::move(started_.pidfd));
}

std::error_code Member::watch() {
    return watch_.start(loop_, started_.pidfd.get(), EPOLLIN, *this);
}

void Member::clear_behind() noexcept {
    if (std::exchange(cleared_, true)) return;
    if (number_is_ours()) signal_group(SIGKILL);
    started_.place.end_before_others();
}

void Member::signal_group(int number) const noexcept {
    ::kill(-started_.pid, number);
}

void Member::on_ready(std::uint32_t) {
    end_ = look(started_.pidfd.get());
    if (!end_) return;
    watch_.stop();
    owner_.on_member_ended(); // last: it may destroy this
}

} // namespace buzon::filter
