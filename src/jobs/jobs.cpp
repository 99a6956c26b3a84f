#include "buzon/jobs/jobs.h"

namespace buzon::jobs {

std::error_code error_of(worker::Fate fate) noexcept {
    switch (fate) {
    case worker::Fate::answered: break;
    case worker::Fate::too_late: return std::make_error_code(std::errc::timed_out);
    case worker::Fate::refused: return std::make_error_code(std::errc::device_or_resource_busy);
    case worker::Fate::no_descriptor: return std::make_error_code(std::errc::too_many_files_open);
    case worker::Fate::crashed: return std::make_error_code(std::errc::state_not_recoverable);
    }
    return {};
}

} // namespace buzon::jobs
