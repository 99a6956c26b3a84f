#include "buzon/jobs/jobs.h"

#include <string>

namespace buzon::jobs {
namespace {

// The system's errors, with messages that say what happened to a job.
class Fates final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "job"; }
    [[nodiscard]] std::string message(int number) const override {
        switch (std::errc{number}) {
        case std::errc::timed_out: return "a worker process took too long";
        case std::errc::device_or_resource_busy: return "too many jobs are waiting for worker processes";
        case std::errc::too_many_files_open: return "no file descriptor was left";
        default: return "a worker process died";
        }
    }
    [[nodiscard]] std::error_condition default_error_condition(int number) const noexcept override {
        return std::make_error_condition(std::errc{number});
    }
};

std::error_code of(std::errc number) noexcept {
    static const Fates fates;
    return {static_cast<int>(number), fates};
}

} // namespace

std::error_code error_of(worker::Fate fate) noexcept {
    switch (fate) {
    case worker::Fate::answered: break;
    case worker::Fate::too_late: return of(std::errc::timed_out);
    case worker::Fate::refused: return of(std::errc::device_or_resource_busy);
    case worker::Fate::no_descriptor: return of(std::errc::too_many_files_open);
    case worker::Fate::crashed: return of(std::errc::state_not_recoverable);
    }
    return {};
}

} // namespace buzon::jobs
