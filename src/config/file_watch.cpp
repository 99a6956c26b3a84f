#include "buzon/config/file_watch.h"

#include <sys/inotify.h>

#include <cstring>

#include "buzon/posix/io.h"

namespace buzon::config {
namespace {

using namespace std::chrono_literals;

// An editor writes, changes the mode and renames: read the file once.
constexpr auto time_to_settle = 200ms;

} // namespace

std::error_code FileWatch::start(Notices from) {
    stop();
    name_ = std::move(from.name);
    notices_ = std::move(from.notices);
    return watch_.start(loop_, notices_.get(), EPOLLIN, *this);
}

void FileWatch::stop() noexcept {
    watch_.stop();
    settle_.disarm();
    notices_.reset();
}

void FileWatch::on_ready(std::uint32_t) {
    alignas(inotify_event) char buffer[4096];
    const posix::Transfer got = posix::read_some(notices_.get(), buffer);
    if (got.what == posix::Moved::would_block) return;
    if (got.what != posix::Moved::some) return watch_.stop();
    bool ours = false;
    for (std::size_t at = 0; at < got.bytes;) {
        inotify_event about;
        std::memcpy(&about, buffer + at, sizeof about);
        // After an overflow we do not know which events were lost.
        if (about.mask & IN_Q_OVERFLOW || (about.len > 0 && name_ == buffer + at + sizeof about)) ours = true;
        at += sizeof about + about.len;
    }
    if (ours) settle();
}

void FileWatch::settle() {
    settle_.arm(loop_.timers(), loop_.now() + time_to_settle);
}

} // namespace buzon::config
