#include "buzon/login/delay_keeper.h"

#include "buzon/jobs/jobs.h"
#include "buzon/posix/io.h"
#include "buzon/posix/replace_file.h"

namespace buzon::login {
namespace {

using namespace std::chrono_literals;

constexpr auto between_writes = 2s;
constexpr std::size_t longest_file = 32u << 20;

} // namespace

DelayKeeper::DelayKeeper(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings,
                         LoginDelays& delays, state::EventBus& events, const std::string& directory)
    : loop_{loop}
    , disk_{disk}
    , settings_{settings}
    , delays_{delays}
    , events_{events}
    , path_{directory.empty() ? std::string{} : directory + "/login-delays"} {}

void DelayKeeper::begin() {
    if (path_.empty()) return;
    delays_.when_changed([this] { changed(); });
    if (settings_.login_delay.count() == 0) return;
    auto text = posix::read_regular_file(path_.c_str(), longest_file);
    if (!text && text.error() == std::errc::no_such_file_or_directory) return;
    if (!text) return warn(path_ + ": " + text.error().message() + "; starting without login delays");
    if (!delays_.restore(text.value(), settings_.login_delay, loop_.now(), std::chrono::system_clock::now()))
        warn(path_ + ": not a list of logins; starting without login delays");
}

void DelayKeeper::changed() {
    unsaved_ = true;
    if (!timer_.armed() && !saving_.waiting()) timer_.arm(loop_.timers(), loop_.now() + between_writes);
}

void DelayKeeper::save() {
    unsaved_ = false;
    saving_ = disk_.submit(jobs::order(jobs::Store{path_, text()}), [this](worker::Answer answer) {
        tell_of_save(jobs::read<jobs::Store>(answer).why);
        saving_ = {};
        if (unsaved_) changed();
    });
}

void DelayKeeper::finish() {
    timer_.disarm();
    if (path_.empty() || (!unsaved_ && !saving_.waiting())) return;
    saving_.drop();
    // A different temporary file from that of a worker that may still be writing.
    tell_of_save(posix::replace_file(path_, text(), "last"));
}

std::string DelayKeeper::text() const {
    return delays_.text(loop_.now(), std::chrono::system_clock::now());
}

void DelayKeeper::tell_of_save(std::error_code why) {
    if (why && !save_fails_) warn(path_ + ": not saved; the old file is kept: " + why.message());
    save_fails_ = static_cast<bool>(why);
}

void DelayKeeper::warn(const std::string& message) {
    events_.log(state::Level::warning, std::chrono::system_clock::now(), message);
}

} // namespace buzon::login
