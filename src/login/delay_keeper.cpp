#include "buzon/login/delay_keeper.h"

namespace buzon::login {
namespace {

using namespace std::chrono_literals;

constexpr auto between_writes = 2s;

} // namespace

DelayKeeper::DelayKeeper(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings,
                         LoginDelays& delays, state::EventBus& events, const std::string& directory)
    : loop_{loop}, settings_{settings}, delays_{delays}, file_{disk, events, directory, "login-delays"} {}

bool DelayKeeper::restore(std::string_view text) {
    return delays_.restore(text, settings_.login_delay, loop_.now(), std::chrono::system_clock::now());
}

void DelayKeeper::begin() {
    if (file_.kept()) delays_.when_changed([this] { changed(); });
}

void DelayKeeper::changed() {
    unsaved_ = true;
    if (!timer_.armed() && !file_.writing()) timer_.arm(loop_.timers(), loop_.now() + between_writes);
}

void DelayKeeper::save() {
    unsaved_ = false;
    file_.write(text(), [this] {
        if (unsaved_) changed();
    });
}

void DelayKeeper::finish(std::function<void()> then) {
    timer_.disarm();
    if (!file_.kept() || (!unsaved_ && !file_.writing())) return then();
    unsaved_ = false;
    file_.write_last(text(), std::move(then));
}

std::string DelayKeeper::text() const {
    return delays_.text(loop_.now(), std::chrono::system_clock::now());
}

} // namespace buzon::login
