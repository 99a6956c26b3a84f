// config/file_watch.h - notices when a file is rewritten or replaced (inotify). Does not read the file.
#pragma once

#include <functional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/posix/result.h"

namespace buzon::config {

// Watches the directory, so that replacing the file with rename(2) is noticed, too. Changes made by other machines
// (NFS) or behind a symbolic link are not noticed.
class FileWatch final : private event::Handler, private event::TimerHandler {
public:
    // `changed` is called shortly after the last of several changes in quick succession.
    FileWatch(event::EventLoop& loop, std::function<void()> changed) : loop_{loop}, changed_{std::move(changed)} {}
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    // The file's name within its directory, and the inotify descriptor.
    struct Notices {
        std::string name;
        posix::UniqueFd notices;
    };
    [[nodiscard]] std::error_code start(Notices from);
    void stop() noexcept;
    // Calls `changed` in a moment. If the file changes before that, a moment after the change.
    void settle();

private:
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer&) override { changed_(); }

    event::EventLoop& loop_;
    std::function<void()> changed_;
    std::string name_;
    posix::UniqueFd notices_;
    event::Watch watch_;
    event::Timer settle_{*this};
};

} // namespace buzon::config
