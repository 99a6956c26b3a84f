#include <cerrno>

#include "buzon/jobs/jobs.h"
#include "buzon/local/open_cached.h"
#include "buzon/serve/delivery.h"
#include "descriptor_retry.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

bool no_descriptor(std::error_code why) {
    return why.value() == EMFILE || why.value() == ENFILE;
}

} // namespace

std::optional<posix::Result<posix::UniqueFd>> MessageOpener::open(const DeliveryOrder& order) {
    if (pending_.waiting() || retry_.armed()) return std::nullopt;
    if (answered_) {
        answered_ = false;
        return finish(why_ ? posix::Result<posix::UniqueFd>{why_} : posix::Result<posix::UniqueFd>{std::move(file_)});
    }
    if (order.local) {
        auto opened = local::open_cached(order.maildir, order.snapshot.file_name(order.index),
                                         order.snapshot.in_new(order.index));
        if (opened.ok() || no_descriptor(opened.error())) return finish(std::move(opened));
        // Renamed, or not in memory: finding out takes time.
    }
    ask_worker(order);
    return std::nullopt;
}

std::optional<posix::Result<posix::UniqueFd>> MessageOpener::finish(posix::Result<posix::UniqueFd> opened) {
    if (opened.ok() || !no_descriptor(opened.error())) return opened;
    retry_.arm(needs_.loop.timers(), needs_.loop.now() + descriptor_retry);
    return std::nullopt;
}

void MessageOpener::ask_worker(const DeliveryOrder& order) {
    const jobs::Open job{order.maildir, order.snapshot.file_name(order.index), order.snapshot.in_new(order.index),
                         order.snapshot.telling_inode(order.index)};
    const worker::Job made = order.local ? jobs::order(job) : jobs::order(jobs::CopyMessage{job});
    pending_ = needs_.disk.submit(made, [this](worker::Answer answer) {
        answered_ = true;
        why_ = jobs::read<jobs::Open>(answer).why; // the answer to a copy has the same form
        file_ = std::move(answer.fd);
        wake_();
    });
}

} // namespace buzon::serve
