// Delivers a message from disk: file -> TOP's cut -> dot-stuffing -> output. Workers read what is not in memory, so
// that a cold or slow disk delays nobody else.
// A large message stored in wire form needs no conversion. Its beginning and end are read, so that they can be sent
// together with the status line and the final "."; the kernel sends the rest from the page cache to the socket.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "buzon/jobs/jobs.h"
#include "buzon/message/dot_stuffer.h"
#include "buzon/message/header.h"
#include "buzon/posix/file_view.h"
#include "buzon/serve/delivery.h"

namespace buzon::serve {
namespace {

// How much to read at the beginning, and at most at the end, of a message in wire form. Messages below
// smallest_in_parts are read whole, because copying is cheaper than checking whether they are in memory.
constexpr std::size_t read_at_ends = 16 * 1024;
constexpr std::size_t smallest_in_parts = 128 * 1024;
constexpr std::size_t largest_part = 1024 * 1024; // handing it over takes less time than copying half of it

// tmpfs refuses non-blocking reads, although nothing in it is on a disk (decisions.md).
bool lies_in_memory(int file) noexcept {
    struct statfs about {};
    if (::fstatfs(file, &about) != 0) return false;
    return static_cast<unsigned long>(about.f_type) == TMPFS_MAGIC ||
           static_cast<unsigned long>(about.f_type) == RAMFS_MAGIC;
}

// A message's file, and what can be read of it without blocking.
class OpenFile {
public:
    [[nodiscard]] int get() const noexcept { return file_.get(); } // -1: not opened yet
    void take(posix::UniqueFd file) noexcept { file_ = std::move(file); }

    // Like pread(2), but fails with EAGAIN or EOPNOTSUPP where it would block.
    [[nodiscard]] ssize_t read_now(char* into, std::size_t octets, std::uint64_t offset) {
        const iovec room{into, octets};
        for (;;) {
            const ssize_t n = ::preadv2(get(), &room, 1, static_cast<off_t>(offset), only_in_memory_ ? 0 : RWF_NOWAIT);
            if (n >= 0 || (errno != EINTR && (errno != EOPNOTSUPP || only_in_memory_ || !lies_in_memory(get()))))
                return n;
            if (errno == EOPNOTSUPP) only_in_memory_ = true;
        }
    }

    [[nodiscard]] bool in_memory(const struct stat& about, std::uint64_t offset, std::size_t octets) {
        if (only_in_memory_) return true;
        if (!view_.known()) view_ = posix::FileView{get(), about};
        return view_.in_memory(offset, octets);
    }

private:
    posix::UniqueFd file_;
    posix::FileView view_;        // while it is sent in parts
    bool only_in_memory_ = false; // its file system has no disk
};

// A piece of the file, read by a worker.
struct WorkerRead {
    worker::Pending pending;
    std::optional<worker::Answer> answer;
};

// How much of the header has been checked, for clients that must not get non-ASCII headers.
struct HeaderLook {
    message::HeaderOctets octets;
    std::uint64_t length = 0;
    bool done = false;
};

class FileDelivery final : public Delivery {
public:
    FileDelivery(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order)
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
    [[nodiscard]] ssize_t read_now(std::uint64_t from, std::size_t octets) {
        return file_.read_now(needs_.room.of(this), octets, from);
    }
    Step open();
    Step look_at_header();
    Step take(std::string_view stored, std::string& out);
    Step finish(std::string& out);
    Step ask_worker(std::uint64_t from, std::size_t octets);

    DeliveryNeeds& needs_;
    login::TaskOwner& owner_;
    DeliveryOrder order_;
    MessageOpener opener_;
    OpenFile file_;
    struct stat about_ {};     // at open; not set for small messages
    std::uint64_t size_ = 0;   // of the file at open
    std::size_t held_ = 0;     // the whole file has been read into the buffer
    std::uint64_t offset_ = 0; // how much has been sent or queued
    bool as_it_lies_ = false;  // large and stored in wire form
    std::optional<std::uint64_t> octets_;
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    HeaderLook header_;
    message::DotStuffer stuffer_;
    std::optional<message::TopCutter> cutter_;
    WorkerRead reading_;
};

Delivery::Step FileDelivery::begin() {
    if (file_.get() < 0) {
        if (const Step step = open(); step != Step::ready) return step;
    }
    if (order_.ascii_header && !header_.done) {
        if (const Step step = look_at_header(); step != Step::ready) return step;
    }
    const message::Snapshot& snapshot = order_.snapshot;
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
    // The octet count is promised only for the file that was measured, and only that one is known to be in wire form. A
    // file modified since is sent as it is, without a count.
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
    file_.take(std::move(*opened).value());
    return Step::ready;
}

// Runs before anything is promised, up to max_header_octets. A worker reads what is not in memory.
Delivery::Step FileDelivery::look_at_header() {
    using Found = message::HeaderOctets::Found;
    if (reading_.pending.waiting()) return Step::wait;
    Found found = Found::nothing_yet;
    while (found == Found::nothing_yet && header_.length < max_header_octets) {
        const std::optional<worker::Answer> answer = std::exchange(reading_.answer, std::nullopt);
        std::string from_worker;
        std::string_view piece;
        if (answer) {
            auto read = jobs::read<jobs::Read>(*answer);
            if (read.why) return Step::refused; // unreadable
            piece = from_worker = std::move(read.answer.octets);
        } else {
            const ssize_t n = read_now(header_.length, FileRoom::size);
            if (n < 0) return ask_worker(header_.length, FileRoom::size);
            piece = {needs_.room.still_of(this), static_cast<std::size_t>(n)};
        }
        if (piece.empty()) break;
        header_.length += piece.size();
        found = header_.octets.feed(piece);
    }
    if (found == Found::eight_bit) {
        refusal_ = pop3::DeliveryRefusal::needs_utf8;
        return Step::refused;
    }
    header_.done = true;
    return Step::ready;
}

// A small message is read at once. If the read returns as many octets as were measured, it is complete, and no fstat()
// is needed. The exception is a message that would end on a page boundary: more may follow that is not in memory.
bool FileDelivery::read_whole(std::uint64_t measured) {
    constexpr std::uint64_t page = 4096; // or a multiple of it
    if (measured >= FileRoom::size || measured % page == 0) return false;
    const ssize_t n = read_now(0, FileRoom::size);
    if (n < 0 || static_cast<std::uint64_t>(n) != measured) return false;
    held_ = measured;
    return true;
}

// The buffered file has the expected size, but different line ends would change the octet count. Counting is cheaper
// than asking for the file's time.
std::uint64_t FileDelivery::counted() const {
    message::OctetCounter counter;
    counter.feed({needs_.room.still_of(this), held_});
    return counter.finish();
}

bool FileDelivery::is_same_file() const {
    return order_.snapshot.inode(order_.index) == about_.st_ino &&
           order_.snapshot.mtime_ns(order_.index) ==
               about_.st_mtim.tv_sec * std::int64_t{1'000'000'000} + about_.st_mtim.tv_nsec;
}

// Called once the beginning has been read without blocking: on such a file system mincore() works.
std::optional<net::FilePart> FileDelivery::part() {
    if (!as_it_lies_ || offset_ == 0 || reading_.pending.waiting() || reading_.answer) return std::nullopt;
    const std::uint64_t end = (size_ - 1) / read_at_ends * read_at_ends;
    if (offset_ >= end) return std::nullopt;
    const auto octets = static_cast<std::size_t>(std::min<std::uint64_t>(largest_part, end - offset_));
    if (!file_.in_memory(about_, offset_, octets)) return std::nullopt; // pull() handles it
    return net::FilePart{file_.get(), offset_, octets};
}

Delivery::Step FileDelivery::pull(std::string& out, std::size_t room) {
    if (reading_.pending.waiting()) return Step::wait;
    const std::size_t before = out.size();
    if (const auto answer = std::exchange(reading_.answer, std::nullopt)) {
        const auto read = jobs::read<jobs::Read>(*answer);
        if (read.why) return Step::broken;
        if (const Step step = take(read.answer.octets, out); step != Step::some) return step;
    }
    if (held_ != 0 && offset_ == 0) {
        // Another delivery may have used the buffer meanwhile: read it again.
        if (const char* const octets = needs_.room.still_of(this)) return take({octets, held_}, out);
    }
    while (out.size() - before < room) {
        if (offset_ == size_) return finish(out);
        const ssize_t n = read_now(offset_, as_it_lies_ && offset_ == 0 ? read_at_ends : FileRoom::size);
        // EAGAIN: not in memory. EOPNOTSUPP: the file system cannot tell.
        if (n < 0) return ask_worker(offset_, std::min<std::uint64_t>(FileRoom::size, size_ - offset_));
        const Step step = take({needs_.room.still_of(this), static_cast<std::size_t>(n)}, out);
        if (step != Step::some || as_it_lies_) return step; // the next part may be sent by the kernel
    }
    return Step::some;
}

// Sends some octets of the file to the client.
Delivery::Step FileDelivery::take(std::string_view stored, std::string& out) {
    // Shorter than at open: somebody truncated it, and a part must not look like the whole.
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
    stuffer_.finish(out); // not used for a message in wire form, which ends with a line end
    return Step::done;
}

Delivery::Step FileDelivery::ask_worker(std::uint64_t from, std::size_t octets) {
    const worker::Job job = jobs::order(jobs::Read{from, static_cast<std::uint32_t>(octets)}, file_.get());
    reading_.pending = needs_.disk.submit(job, [this](worker::Answer answer) {
        reading_.answer = std::move(answer);
        owner_.task_wakes();
    });
    return Step::wait;
}

} // namespace

std::unique_ptr<Delivery> deliver_file(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order) {
    return std::make_unique<FileDelivery>(needs, owner, std::move(order));
}

} // namespace buzon::serve
