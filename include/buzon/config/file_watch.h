// config/file_watch.h - tells when a file has been written anew or replaced (inotify). Reads nothing of it.
#pragma once

#include <functional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/posix/result.h"

namespace buzon::config {

// Watches the directory, so that a file that is replaced by rename(2) is seen too. Changes that nobody on this machine
// makes (NFS), or behind a symbolic link, are not seen.
class FileWatch final : private event::Handler, private event::TimerHandler {
public:
    // `changed` is called a little after the last of some changes that come together.
    FileWatch(event::EventLoop& loop, std::function<void()> changed) : loop_{loop}, changed_{std::move(changed)} {}
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    // The file's name in its directory, and where the kernel tells of changes there.
    struct Notices {
        std::string name;
        posix::UniqueFd notices;
    };
    [[nodiscard]] std::error_code start(Notices from);
    void stop() noexcept;

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
