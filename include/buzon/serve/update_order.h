// serve/update_order.h - what QUIT asks for, on its way to a worker: put together in slices and, when it is much, in a
// memory file. A million deletions hold nobody up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/message/update_request.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::upkeep {
class TrashKeeper;
} // namespace buzon::upkeep

namespace buzon::serve {

// What the updates of a service share; it outlives them.
struct UpdateNeeds {
    event::EventLoop& loop;
    const state::Settings& settings;
    state::Metrics& metrics;
    state::EventBus& events;
    worker::Pool& disk;
    upkeep::TrashKeeper& trash;
};

class UpdateOrder final : private event::TimerHandler {
public:
    enum class Step : std::uint8_t {
        more,   // go_on() again, after the others
        wait,   // no descriptor is left: `wake` is called when go_on() shall be called again
        ready,  // job() is whole
        failed, // it cannot be made: nothing has been done
    };

    // The maildrop's marks stay as they are until ready, its path as long as this.
    UpdateOrder(UpdateNeeds& needs, const message::Maildrop& maildrop, const std::string& maildir,
                std::function<void()> wake);

    [[nodiscard]] Step go_on();
    // Its descriptor is borrowed.
    [[nodiscard]] worker::Job job() const;

private:
    void on_timer(event::Timer&) override { wake_(); }
    [[nodiscard]] bool put_down();

    UpdateNeeds& needs_;
    const std::string& maildir_;
    message::UpdateSlices slices_;
    std::function<void()> wake_;
    event::Timer retry_{*this};
    std::string bytes_;    // all of it, or what is not in the file yet
    posix::UniqueFd file_; // only when it is much
    std::error_code why_;
};

} // namespace buzon::serve
