// serve/update_order.h - encodes the update that QUIT asks a worker for. The request is built in slices and, if large,
// stored in a memfd, so that a million deletions do not delay other sessions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/login/visit.h"
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

// Shared by the updates of a service; outlives them.
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
        more,   // call go_on() again after the others had their turn
        wait,   // out of descriptors: `wake` is called when go_on() should be called again
        ready,  // job() is complete
        failed, // the request cannot be built; nothing has been done
    };

    // The marks of the maildrop must not change until ready; `visit` must outlive this object.
    UpdateOrder(UpdateNeeds& needs, const message::Maildrop& maildrop, const login::Visit& visit,
                std::function<void()> wake);

    [[nodiscard]] Step go_on();
    // The job shares its descriptor with this object.
    [[nodiscard]] worker::Job job() const;

private:
    void on_timer(event::Timer&) override { wake_(); }
    [[nodiscard]] bool put_down();

    UpdateNeeds& needs_;
    const login::Visit& visit_;
    message::UpdateSlices slices_;
    std::function<void()> wake_;
    event::Timer retry_{*this};
    std::string bytes_;                           // the whole request, or the part not yet in the file
    std::shared_ptr<const posix::UniqueFd> file_; // only for large requests
    std::error_code why_;
};

} // namespace buzon::serve
