// upkeep/state_file.h - a file in the --state directory. Workers write it, so that a disk that hangs does not block the
// server.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "buzon/state/event_bus.h"
#include "buzon/worker/pool.h"

namespace buzon::upkeep {

class StateFile {
public:
    // directory: if empty, nothing is saved.
    StateFile(worker::Pool& disk, state::EventBus& events, const std::string& directory, const std::string& name)
        : disk_{disk}, events_{events}, path_{directory.empty() ? std::string{} : directory + '/' + name} {}
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;

    [[nodiscard]] bool kept() const noexcept { return !path_.empty(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool writing() const noexcept { return writing_.waiting() || last_; }

    // Must not be called while a write is in progress. `then` is called when the write ends, whether it succeeded or
    // failed.
    void write(std::string_view content, std::function<void()> then);
    // For shutdown. Begins after any write in progress, so that the newest content is what remains; the `then` of that
    // write is not called.
    void write_last(std::string content, std::function<void()> then);

private:
    void written(const worker::Answer& answer);

    worker::Pool& disk_;
    state::EventBus& events_;
    std::string path_;
    worker::Pending writing_;
    std::function<void()> then_;
    std::optional<std::string> last_; // waits for the write in progress
    bool fails_ = false;              // already logged
};

} // namespace buzon::upkeep
