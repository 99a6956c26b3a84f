// A message as it lies on disk: file -> TOP's cut -> dots -> out. What is not in memory is read by a worker, so that
// one reader on a cold or slow disk stalls nobody else.
//
// A large one that is stored in wire form already needs none of that: its beginning and its end are read, so that they
// leave in one piece with the status line and the final ".", and what lies between goes from the page cache to the
// socket.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "buzon/daemon/delivery.h"
#include "buzon/jobs/jobs.h"
#include "buzon/mail/dot_stuffer.h"
#include "buzon/mail/header.h"
#include "buzon/posix/file_view.h"

namespace buzon::daemon {
namespace {

// What is read of a message in wire form at its beginning, and at most at its end. Less than smallest_in_parts is read
// whole: copying is then cheaper than asking whether it is in memory.
constexpr std::size_t read_at_ends = 16 * 1024;
constexpr std::size_t smallest_in_parts = 128 * 1024;
constexpr std::uint64_t most_of_header = 256 * 1024; // is looked at, as by SEARCH
constexpr std::size_t largest_part = 1024 * 1024;    // handing it over takes less than copying half of it

// tmpfs refuses reads that must not wait, although nothing of it lies on a disk (decisions.md).
bool lies_in_memory(int file) noexcept {
    struct statfs about {};
    if (::fstatfs(file, &about) != 0) return false;
    return static_cast<unsigned long>(about.f_type) == TMPFS_MAGIC ||
           static_cast<unsigned long>(about.f_type) == RAMFS_MAGIC;
}

class FileDelivery final : public Delivery {
public:
    FileDelivery(DeliveryNeeds& needs, TaskOwner& owner, DeliveryOrder order)
        : needs_{needs}, owner_{owner}, order_{std::move(order)}, opener_{needs, [this] { owner_.task_wakes(); }} {
        if (order_.top_lines) cutter_.emplace(*order_.top_lines);
    }

    Step begin() override;
    std::optional<std::uint64_t> octets() const override { return octets_; }
    std::optional<net::FilePart> part() override;
    void part_sent(std::size_t octets) override { offset_ += octets; }
    Step pull(std::string& out, std::size_t room) override;
    pop3::DeliveryRefusal refusal() const override { return refusal_; }

private:
    [[nodiscard]] bool is_same_file() const;
    [[nodiscard]] bool read_whole(std::uint64_t measured);
    [[nodiscard]] std::uint64_t counted() const;
    [[nodiscard]] ssize_t read_now(std::uint64_t from, std::size_t octets);
    Step open();
    Step look_at_header();
    Step take(std::string_view stored, std::string& out);
    Step finish(std::string& out);
    Step ask_worker(std::uint64_t from, std::size_t octets);

    DeliveryNeeds& needs_;
    TaskOwner& owner_;
    DeliveryOrder order_;
    MessageOpener opener_;
    posix::UniqueFd file_;
    struct stat about_ {};     // the file when it was opened; not looked at when it is small
    std::uint64_t size_ = 0;   // of the file when it was opened
    std::size_t held_ = 0;     // the whole of it was read at the beginning
    std::uint64_t offset_ = 0; // how much of it is on its way
    bool as_it_lies_ = false;  // it is in wire form, and large
    bool in_memory_ = false;   // it can only be there
    posix::FileView view_;     // while it goes in parts
    std::optional<std::uint64_t> octets_;
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    std::uint64_t looked_at_ = 0; // how much of the header
    bool header_is_fine_ = false; // or nobody minds
    mail::HeaderOctets header_;
    mail::DotStuffer stuffer_;
    std::optional<mail::TopCutter> cutter_;
    worker::Pending reading_;
    std::optional<worker::Answer> read_; // what the worker read
};

Delivery::Step FileDelivery::begin() {
    if (!file_) {
        if (const Step step = open(); step != Step::ready) return step;
    }
    if (order_.ascii_header && !header_is_fine_) {
        if (const Step step = look_at_header(); step != Step::ready) return step;
    }
    const mail::Snapshot& snapshot = order_.snapshot;
    bool measured = snapshot.measured(order_.index);
    if (measured && read_whole(snapshot.stored_size(order_.index))) {
        size_ = held_;
        measured = order_.top_lines || counted() == snapshot.octets(order_.index);
    } else {
        if (::fstat(file_.get(), &about_) != 0 || !S_ISREG(about_.st_mode)) return Step::refused;
        size_ = static_cast<std::uint64_t>(about_.st_size);
        measured = measured && snapshot.stored_size(order_.index) == size_ && is_same_file();
        as_it_lies_ = measured && !order_.top_lines && size_ >= smallest_in_parts && snapshot.wire_form(order_.index);
    }
    // The count is promised only of the file that was measured, and only that one is known to be in wire form. One that
    // somebody has written into since is sent as it is now, without a count.
    if (measured && !order_.top_lines) octets_ = snapshot.octets(order_.index);
    return Step::ready;
}

Delivery::Step FileDelivery::open() {
    auto opened = opener_.open(order_);
    if (!opened) return Step::wait;
    if (!opened->ok()) {
        refusal_ = opened->error().value() == ENOENT ? pop3::DeliveryRefusal::gone : pop3::DeliveryRefusal::unreadable;
        return Step::refused;
    }
    file_ = std::move(*opened).value();
    return Step::ready;
}

// Before anything is promised, as far as most_of_header. A worker reads what is not in memory.
Delivery::Step FileDelivery::look_at_header() {
    using Found = mail::HeaderOctets::Found;
    if (reading_.waiting()) return Step::wait;
    Found found = Found::nothing_yet;
    while (found == Found::nothing_yet && looked_at_ < most_of_header) {
        const std::optional<worker::Answer> answer = std::exchange(read_, std::nullopt);
        std::string from_worker;
        std::string_view piece;
        if (answer) {
            auto read = jobs::read<jobs::Read>(*answer);
            if (read.why) return Step::refused; // unreadable
            piece = from_worker = std::move(read.answer.octets);
        } else {
            const ssize_t n = read_now(looked_at_, FileRoom::size);
            if (n < 0) return ask_worker(looked_at_, FileRoom::size);
            piece = {needs_.room.still_of(this), static_cast<std::size_t>(n)};
        }
        if (piece.empty()) break;
        looked_at_ += piece.size();
        found = header_.feed(piece);
    }
    if (found == Found::eight_bit) {
        refusal_ = pop3::DeliveryRefusal::needs_utf8;
        return Step::refused;
    }
    header_is_fine_ = true;
    return Step::ready;
}

// A small message is read at once, and if that gives as many octets as were measured it is the whole: then nobody need
// ask for its size, or whether it is a file at all. But where it would end with a page of the cache: behind that there
// might be more, only not in memory.
bool FileDelivery::read_whole(std::uint64_t measured) {
    constexpr std::uint64_t page = 4096; // or a multiple of it
    if (measured >= FileRoom::size || measured % page == 0) return false;
    const ssize_t n = read_now(0, FileRoom::size);
    if (n < 0 || static_cast<std::uint64_t>(n) != measured) return false;
    held_ = measured;
    return true;
}

// What is held has the right size; with other line ends it is another number for the client. To count is cheaper than
// to ask for the file's time.
std::uint64_t FileDelivery::counted() const {
    mail::OctetCounter counter;
    counter.feed({needs_.room.still_of(this), held_});
    return counter.finish();
}

bool FileDelivery::is_same_file() const {
    return order_.snapshot.inode(order_.index) == about_.st_ino &&
           order_.snapshot.mtime_ns(order_.index) ==
               about_.st_mtim.tv_sec * std::int64_t{1'000'000'000} + about_.st_mtim.tv_nsec;
}

// Once its beginning has been read without waiting: a file system that allows that is one whose pages mincore() knows.
std::optional<net::FilePart> FileDelivery::part() {
    if (!as_it_lies_ || offset_ == 0 || reading_.waiting() || read_) return std::nullopt;
    const std::uint64_t end = (size_ - 1) / read_at_ends * read_at_ends;
    if (offset_ >= end) return std::nullopt;
    const auto octets = static_cast<std::size_t>(std::min<std::uint64_t>(largest_part, end - offset_));
    if (!in_memory_) {
        if (!view_.known()) view_ = posix::FileView{file_.get(), about_};
        if (!view_.in_memory(offset_, octets)) return std::nullopt; // pull() sees to it
    }
    return net::FilePart{file_.get(), offset_, octets};
}

// As pread(2), but -1 with errno EAGAIN or EOPNOTSUPP where it would have to wait.
ssize_t FileDelivery::read_now(std::uint64_t offset, std::size_t octets) {
    const iovec into{needs_.room.of(this), octets};
    const auto from = static_cast<off_t>(offset);
    for (;;) {
        const ssize_t n = ::preadv2(file_.get(), &into, 1, from, in_memory_ ? 0 : RWF_NOWAIT);
        if (n >= 0 || (errno != EINTR && (errno != EOPNOTSUPP || in_memory_ || !lies_in_memory(file_.get())))) return n;
        if (errno == EOPNOTSUPP) in_memory_ = true;
    }
}

Delivery::Step FileDelivery::pull(std::string& out, std::size_t room) {
    if (reading_.waiting()) return Step::wait;
    const std::size_t before = out.size();
    if (read_) {
        const worker::Answer answer = std::move(*read_);
        read_.reset();
        const auto read = jobs::read<jobs::Read>(answer);
        if (read.why) return Step::broken;
        if (const Step step = take(read.answer.octets, out); step != Step::some) return step;
    }
    if (held_ != 0 && offset_ == 0) {
        // Another delivery may have had its turn meanwhile: then it is read once more.
        if (const char* const octets = needs_.room.still_of(this)) return take({octets, held_}, out);
    }
    while (out.size() - before < room) {
        if (offset_ == size_) return finish(out);
        const ssize_t n = read_now(offset_, as_it_lies_ && offset_ == 0 ? read_at_ends : FileRoom::size);
        if (n < 0)
            return ask_worker(offset_,
                              std::min<std::uint64_t>(
                                  FileRoom::size,
                                  size_ - offset_)); // EAGAIN: not in memory. EOPNOTSUPP: a file system that cannot say
        const Step step = take({needs_.room.still_of(this), static_cast<std::size_t>(n)}, out);
        if (step != Step::some || as_it_lies_) return step; // the next part may go without us
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
    if (as_it_lies_)
        out += stored;
    else
        stuffer_.feed(stored, out);
    if (offset_ == size_ || (cutter_ && cutter_->done())) return finish(out);
    return Step::some;
}

Delivery::Step FileDelivery::finish(std::string& out) {
    stuffer_.finish(out); // which has seen nothing of a message in wire form: that ends with a line end
    return Step::done;
}

Delivery::Step FileDelivery::ask_worker(std::uint64_t from, std::size_t octets) {
    const worker::Job job = jobs::order(jobs::Read{from, static_cast<std::uint32_t>(octets)}, file_.get());
    reading_ = needs_.disk.submit(job, [this](worker::Answer answer) {
        read_ = std::move(answer);
        owner_.task_wakes();
    });
    return Step::wait;
}

} // namespace

std::unique_ptr<Delivery> deliver_file(DeliveryNeeds& needs, TaskOwner& owner, DeliveryOrder order) {
    return std::make_unique<FileDelivery>(needs, owner, std::move(order));
}

} // namespace buzon::daemon
