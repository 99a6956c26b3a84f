#include "buzon/serve/update_order.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "buzon/jobs/jobs.h"
#include "buzon/posix/io.h"
#include "buzon/upkeep/trash_keeper.h"
#include "descriptor_retry.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t messages_of_one_slice = 2000; // about 0.2 ms
constexpr std::size_t max_inline = 64 * 1024;
bool no_descriptor(std::error_code why) {
    return why.value() == EMFILE || why.value() == ENFILE;
}

} // namespace

UpdateOrder::UpdateOrder(UpdateNeeds& needs, const message::Maildrop& maildrop, const login::Visit& visit,
                         std::function<void()> wake)
    : needs_{needs}
    , visit_{visit}
    , slices_{maildrop, visit.maildir, needs.trash.keep_since(visit.keeps)}
    , wake_{std::move(wake)} {}

UpdateOrder::Step UpdateOrder::go_on() {
    if (retry_.armed()) return Step::wait;
    // After a failure to get a descriptor, the previous slice still has to be stored.
    if (bytes_.size() < max_inline && !slices_.done()) bytes_ += slices_.next(messages_of_one_slice);
    const bool much = file_ || bytes_.size() >= max_inline;
    if (much && !put_down()) {
        if (!no_descriptor(why_)) return Step::failed;
        retry_.arm(needs_.loop.timers(), needs_.loop.now() + descriptor_retry);
        return Step::wait;
    }
    return slices_.done() ? Step::ready : Step::more;
}

bool UpdateOrder::put_down() {
    if (!file_) {
        posix::UniqueFd made{::memfd_create("buzon-update", MFD_CLOEXEC)};
        why_ = made ? std::error_code{} : posix::last_error();
        if (why_) return false;
        file_ = std::make_shared<const posix::UniqueFd>(std::move(made));
    }
    why_ = posix::write_all(file_->get(), bytes_); // to memory: never blocks
    if (why_) return false;
    bytes_.clear();
    return true;
}

worker::Job UpdateOrder::job() const {
    const jobs::Update job{visit_.maildir, !needs_.settings.no_fsync, file_ ? std::string_view{} : bytes_};
    return jobs::order_for(visit_.owner, job, file_);
}

} // namespace buzon::serve
