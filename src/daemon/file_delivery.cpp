// A message as it lies on disk: file -> TOP's cut -> dots -> out. What is not in memory is read by a worker, so that one
// reader on a cold or slow disk stalls nobody else.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "buzon/daemon/delivery.h"
#include "buzon/daemon/jobs.h"
#include "buzon/mail/dot_stuffer.h"

namespace buzon::daemon {
namespace {

class FileDelivery final : public Delivery {
public:
    FileDelivery(Context& context, DeliveryOwner& owner, DeliveryOrder order)
        : context_{context}
        , owner_{owner}
        , order_{std::move(order)}
        , opener_{context, [this] { owner_.delivery_wakes(); }} {
        if (order_.top_lines) cutter_.emplace(*order_.top_lines);
    }

    Step begin() override;
    std::optional<std::uint64_t> octets() const override { return octets_; }
    Step pull(std::string& out, std::size_t room) override;
    pop3::DeliveryRefusal refusal() const override { return refusal_; }

private:
    Step take(std::string_view stored, std::string& out);
    Step finish(std::string& out);
    Step ask_worker();

    Context& context_;
    DeliveryOwner& owner_;
    DeliveryOrder order_;
    MessageOpener opener_;
    posix::UniqueFd file_;
    std::uint64_t size_ = 0;     // of the file when it was opened
    std::uint64_t offset_ = 0;   // how much of it went through the stuffer
    std::optional<std::uint64_t> octets_;
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    mail::DotStuffer stuffer_;
    std::optional<mail::TopCutter> cutter_;
    worker::Pending reading_;
    std::optional<posix::Result<std::string>> read_;   // what the worker read
};

Delivery::Step FileDelivery::begin() {
    auto opened = opener_.open(order_);
    if (!opened) return Step::wait;
    if (!opened->ok()) {
        refusal_ = opened->error().value() == ENOENT ? pop3::DeliveryRefusal::gone : pop3::DeliveryRefusal::unreadable;
        return Step::refused;
    }
    file_ = std::move(*opened).value();
    struct stat about {};
    if (::fstat(file_.get(), &about) != 0) return Step::refused;
    size_ = static_cast<std::uint64_t>(about.st_size);
    // The count is promised only of the file that was measured.
    const bool measured = order_.snapshot.measured(order_.index) && order_.snapshot.stored_size(order_.index) == size_;
    if (measured && !order_.top_lines) octets_ = order_.snapshot.octets(order_.index);
    return Step::ready;
}

Delivery::Step FileDelivery::pull(std::string& out, std::size_t room) {
    if (reading_.waiting()) return Step::wait;
    const std::size_t before = out.size();
    if (read_) {
        const posix::Result<std::string> read = std::move(*read_);
        read_.reset();
        if (!read.ok()) return Step::broken;
        if (const Step step = take(read.value(), out); step != Step::some) return step;
    }
    while (out.size() - before < room) {
        if (offset_ == size_) return finish(out);
        const iovec into{context_.scratch.file.get(), Scratch::file_size};
        const ssize_t n = ::preadv2(file_.get(), &into, 1, static_cast<off_t>(offset_), RWF_NOWAIT);
        if (n < 0) {
            if (errno == EINTR) continue;
            return ask_worker();   // EAGAIN: not in memory. EOPNOTSUPP: a file system that cannot say
        }
        const Step step = take({context_.scratch.file.get(), static_cast<std::size_t>(n)}, out);
        if (step != Step::some) return step;
    }
    return Step::some;
}

// Some octets of the file, to the client.
Delivery::Step FileDelivery::take(std::string_view stored, std::string& out) {
    // Shorter than it was when we opened it: somebody cut it, and a part must not pass for the whole.
    if (stored.empty()) return Step::broken;
    stored = stored.substr(0, std::min<std::uint64_t>(stored.size(), size_ - offset_));
    offset_ += stored.size();
    if (cutter_) stored = stored.substr(0, cutter_->feed(stored));
    stuffer_.feed(stored, out);
    if (offset_ == size_ || (cutter_ && cutter_->done())) return finish(out);
    return Step::some;
}

Delivery::Step FileDelivery::finish(std::string& out) {
    stuffer_.finish(out);
    return Step::done;
}

Delivery::Step FileDelivery::ask_worker() {
    const auto octets = static_cast<std::uint32_t>(std::min<std::uint64_t>(Scratch::file_size, size_ - offset_));
    reading_ = context_.disk.submit(read_job(file_.get(), offset_, octets), [this](worker::Answer answer) {
        const Answered said = read_answer(answer);
        if (said.why) {
            read_ = said.why;
        } else {
            read_ = std::string{said.rest};
        }
        owner_.delivery_wakes();
    });
    return Step::wait;
}

} // namespace

std::unique_ptr<Delivery> deliver_file(Context& context, DeliveryOwner& owner, DeliveryOrder order) {
    return std::make_unique<FileDelivery>(context, owner, std::move(order));
}

} // namespace buzon::daemon
