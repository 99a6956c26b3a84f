#include "message_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <cerrno>
#include <utility>

#include "buzon/jobs/jobs.h"

namespace buzon::serve {

using posix::Moved;

namespace {

// tmpfs refuses non-blocking reads, although nothing in it is on a disk (decisions.md).
bool lies_in_memory(int file) noexcept {
    struct statfs about {};
    if (::fstatfs(file, &about) != 0) return false;
    return static_cast<unsigned long>(about.f_type) == TMPFS_MAGIC ||
           static_cast<unsigned long>(about.f_type) == RAMFS_MAGIC;
}

} // namespace

Delivery::Step MessageFile::open() {
    if (get() >= 0) return Delivery::Step::ready;
    auto opened = opener_.open(order_);
    if (!opened) return Delivery::Step::wait;
    if (!opened->ok()) {
        refusal_ = opened->error().value() == ENOENT ? pop3::DeliveryRefusal::gone : pop3::DeliveryRefusal::unreadable;
        return Delivery::Step::refused;
    }
    file_ = std::move(*opened).value();
    return Delivery::Step::ready;
}

void MessageFile::replace(posix::UniqueFd file) noexcept {
    file_ = std::move(file);
    lent_.reset();
    reading_.drop(); // a worker may still be reading the previous file
    answer_.reset();
    view_ = {};
    only_in_memory_ = true;
    (void)needs_.room.of(nullptr); // what is in the buffer belongs to the previous file
}

posix::UniqueFd MessageFile::take_file() {
    if (lent_) file_ = std::move(*std::exchange(lent_, nullptr));
    return std::move(file_);
}

bool MessageFile::look() {
    return ::fstat(get(), &about_) == 0 && S_ISREG(about_.st_mode);
}

ssize_t MessageFile::read_now(std::uint64_t offset, std::size_t octets) {
    const iovec room{needs_.room.of(this), octets};
    for (;;) {
        const ssize_t n = ::preadv2(get(), &room, 1, static_cast<off_t>(offset), only_in_memory_ ? 0 : RWF_NOWAIT);
        if (n >= 0) return n;
        if (errno != EINTR && (errno != EOPNOTSUPP || only_in_memory_ || !lies_in_memory(get()))) {
            (void)needs_.room.of(nullptr); // what lies in the buffer is another delivery's
            return n;
        }
        if (errno == EOPNOTSUPP) only_in_memory_ = true;
    }
}

bool MessageFile::in_memory(std::uint64_t offset, std::size_t octets) {
    if (only_in_memory_) return true;
    if (!view_.known()) view_ = posix::FileView{get(), about_};
    return view_.in_memory(offset, octets);
}

posix::Transfer MessageFile::read_up_to(std::size_t most, std::uint64_t offset, std::string_view& octets) {
    if (reading_.waiting()) return {Moved::would_block};
    // A program that is given the message again begins at 0: what was read for the one before is of no use.
    if (answer_ && answer_at_ != offset) answer_.reset();
    if (const auto answer = std::exchange(answer_, std::nullopt)) {
        auto read = jobs::read<jobs::Read>(*answer);
        if (read.why) return {Moved::failed, 0, read.why};
        octets = from_worker_ = std::move(read.answer.octets);
    } else if (const ssize_t n = read_now(offset, most); n >= 0) {
        octets = {still_read(), static_cast<std::size_t>(n)};
    } else { // EAGAIN: not in memory. EOPNOTSUPP: the file system cannot tell.
        const jobs::Read wanted{offset, static_cast<std::uint32_t>(FileRoom::size)};
        if (!lent_) lent_ = std::make_shared<posix::UniqueFd>(std::move(file_));
        worker::Job job = jobs::order_for(order_.owner, wanted, lent_);
        job.place = order_.maildir;
        answer_at_ = offset;
        reading_ = needs_.disk.submit(job, [this](worker::Answer told) {
            answer_ = std::move(told);
            wake_();
        });
        return {Moved::would_block};
    }
    if (octets.empty()) return {Moved::end};
    return {Moved::some, octets.size(), {}};
}

} // namespace buzon::serve
