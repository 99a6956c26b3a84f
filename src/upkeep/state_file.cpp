#include "buzon/upkeep/state_file.h"

#include <utility>

#include "buzon/jobs/jobs.h"

namespace buzon::upkeep {

void StateFile::write(std::string_view content, std::function<void()> then) {
    then_ = std::move(then);
    writing_ = disk_.submit(jobs::order(jobs::Store{path_, content}),
                            [this](const worker::Answer& answer) { written(answer); });
}

void StateFile::write_last(std::string content, std::function<void()> then) {
    if (!writing_.waiting()) return write(content, std::move(then));
    then_ = std::move(then);
    last_ = std::move(content);
}

void StateFile::written(const worker::Answer& answer) {
    writing_ = {};
    const std::error_code why = jobs::read<jobs::Store>(answer).why;
    if (why && !fails_)
        events_.log(state::Level::warning, std::chrono::system_clock::now(),
                    path_ + ": not saved; the old file is kept: " + why.message());
    fails_ = static_cast<bool>(why);
    if (last_) return write(*std::exchange(last_, std::nullopt), std::exchange(then_, nullptr));
    if (then_) std::exchange(then_, nullptr)();
}

} // namespace buzon::upkeep
