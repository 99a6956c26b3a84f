#include "buzon/keeper/starter.h"

#include <utility>

namespace buzon::keeper {

std::error_code Child::start(Starter& starter, const ChildSpec& spec, posix::UniqueFd socket) {
    const std::uint32_t number = starter.start(*this, spec, std::move(socket));
    if (number == 0) return std::make_error_code(std::errc::not_enough_memory);
    starter_ = &starter;
    number_ = number;
    pid_ = 0;
    return {};
}

void Child::kill() noexcept {
    if (starter_) starter_->kill(number_);
}

void Child::forget() noexcept {
    if (Starter* const starter = std::exchange(starter_, nullptr)) starter->forget(number_);
}

void Starter::tell(Child& child, const Report& report) {
    if (report.what == Told::started) {
        child.pid_ = report.value;
        return child.events_.on_start(child.pid_);
    }
    child.starter_ = nullptr; // before the call, which may destroy the child
    if (report.what == Told::exited) return child.events_.on_exit(report.value);
    child.events_.on_no_start({report.value, std::system_category()});
}

} // namespace buzon::keeper
