#include "buzon/event/signals.h"

#include <sys/signalfd.h>

#include <csignal>

#include "buzon/posix/result.h"

namespace buzon::event {

Signals::Signals(EventLoop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal)
    : on_signal_{std::move(on_signal)} {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) sigaddset(&set, number);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) throw std::system_error(posix::last_error(), "sigprocmask");
    fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd_) throw std::system_error(posix::last_error(), "signalfd");
    if (const std::error_code why = watch_.start(loop, fd_.get(), EPOLLIN, *this))
        throw std::system_error(why, "signals");
}

void Signals::on_ready(std::uint32_t) {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        on_signal_(static_cast<int>(info.ssi_signo));
    }
}

} // namespace buzon::event
