#include <sys/stat.h>

#include <cerrno>

#include "buzon/event/memory.h"
#include "buzon/jobs/jobs.h"
#include "buzon/local/open_cached.h"
#include "buzon/posix/bundle.h"
#include "buzon/serve/delivery.h"
#include "buzon/serve/fetched_ahead.h"
#include "descriptor_retry.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

bool no_descriptor(std::error_code why) {
    return why.value() == EMFILE || why.value() == ENFILE;
}

// If several messages share a base name, another one may have taken the name of this one.
bool is_of(const DeliveryOrder& order, int file) {
    const std::uint64_t inode = order.snapshot.telling_inode(order.index);
    struct stat about {};
    return inode == 0 || (::fstat(file, &about) == 0 && about.st_ino == inode);
}

} // namespace

std::optional<posix::Result<posix::UniqueFd>> MessageOpener::open(const DeliveryOrder& order) {
    if (pending_.waiting() || retry_.armed()) return std::nullopt;
    if (answered_) {
        answered_ = false;
        return finish(why_ ? posix::Result<posix::UniqueFd>{why_} : posix::Result<posix::UniqueFd>{std::move(file_)});
    }
    if (order.local && !(order.here && local::can_open_cached())) {
        if (auto file = needs_.ahead.take(order.session, order.index))
            return finish(posix::Result<posix::UniqueFd>{std::move(file)});
        scarce_ ? ask_worker(order) : ask_for_several(order);
        return std::nullopt;
    }
    if (order.local) {
        auto opened = local::open_cached(order.maildir, order.snapshot.file_name(order.index),
                                         order.snapshot.in_new(order.index));
        if (opened.ok() ? is_of(order, opened.value().get()) : no_descriptor(opened.error()))
            return finish(std::move(opened));
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

// Nobody answers twice: if there is no memory for the answer, that is the answer.
template <class Take>
void MessageOpener::take_answer(Take take) {
    answered_ = true;
    why_ = std::make_error_code(std::errc::not_enough_memory);
    event::guarded(take, [] {});
    wake_();
}

void MessageOpener::ask_worker(const DeliveryOrder& order) {
    const jobs::Open job{order.maildir, order.snapshot.file_name(order.index), order.snapshot.in_new(order.index),
                         order.snapshot.telling_inode(order.index)};
    const worker::Job made =
        order.local ? jobs::order_for(order.owner, job) : jobs::order_for(order.owner, jobs::CopyMessage{job});
    pending_ = needs_.disk.submit(made, [this](worker::Answer answer) {
        take_answer([&] {
            why_ = jobs::read<jobs::Open>(answer).why; // the answer to a copy has the same form
            file_ = std::move(answer.fd);
        });
    });
}

void MessageOpener::ask_for_several(const DeliveryOrder& order) {
    const std::vector<std::uint32_t> wanted =
        needs_.ahead.wanted_with(order.session, order.index, order.snapshot.count());
    if (wanted.size() == 1) return ask_worker(order);
    jobs::OpenAhead job{order.maildir, {}};
    for (const std::uint32_t index : wanted)
        job.messages.push_back(
            {order.snapshot.file_name(index), order.snapshot.in_new(index), order.snapshot.telling_inode(index)});
    pending_ = needs_.disk.submit(jobs::order_for(order.owner, job),
                                  [this, session = order.session, wanted](worker::Answer answer) {
                                      take_answer([&] { take_several(answer, session, wanted); });
                                  });
}

void MessageOpener::take_several(const worker::Answer& answer, std::uint64_t session,
                                 const std::vector<std::uint32_t>& asked) {
    const auto said = jobs::read<jobs::OpenAhead>(answer);
    const std::vector<std::uint32_t>& opened = said.answer.opened;
    auto files = said.why ? posix::Result<std::vector<posix::UniqueFd>>{said.why} : posix::unbundle(answer.fd.get());
    why_ = files ? std::error_code{} : files.error();
    if (!why_ && (files.value().size() != opened.size() || opened.empty() || opened.front() != 0))
        why_ = std::make_error_code(std::errc::bad_message);
    scarce_ = no_descriptor(why_);
    if (scarce_) needs_.ahead.let_go();
    if (why_) return;
    file_ = std::move(files.value().front());
    for (std::size_t i = 1; i < opened.size(); ++i)
        if (opened[i] < asked.size()) needs_.ahead.keep(session, asked[opened[i]], std::move(files.value()[i]));
}

} // namespace buzon::serve
