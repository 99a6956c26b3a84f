// Delivers a message from disk: file -> TOP's cut -> dot-stuffing -> output.
// A large message stored in wire form needs no conversion. Its beginning and end are read, so that they can be sent
// together with the status line and the final "."; the kernel sends the rest from the page cache to the socket.
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "buzon/message/dot_stuffer.h"
#include "buzon/message/header.h"
#include "buzon/serve/delivery.h"
#include "message_file.h"

namespace buzon::serve {
namespace {

// How much to read at the beginning, and at most at the end, of a message in wire form. Messages below
// smallest_in_parts are read whole, because copying is cheaper than checking whether they are in memory.
constexpr std::size_t read_at_ends = 16 * 1024;
constexpr std::size_t smallest_in_parts = 128 * 1024;
constexpr std::size_t largest_part = 1024 * 1024; // handing it over takes less time than copying half of it

// How much of the header has been checked, for clients that must not get non-ASCII headers.
struct HeaderLook {
    message::HeaderOctets octets;
    std::uint64_t length = 0;
    bool done = false;
};

class FileDelivery final : public Delivery {
public:
    FileDelivery(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order)
        : order_{std::move(order)}
        , own_{std::in_place, needs, order_, [&owner] { owner.task_wakes(); }}
        , file_{*own_}
        , kind_{OpenedFile::stored} {
        if (order_.top_lines) cutter_.emplace(*order_.top_lines);
    }
    FileDelivery(DeliveryOrder order, MessageFile& opened, OpenedFile kind)
        : order_{std::move(order)}, file_{opened}, kind_{kind} {
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
    Step look_at_header();
    Step take(std::string_view stored, std::string& out);
    Step finish(std::string& out);

    DeliveryOrder order_;
    std::optional<MessageFile> own_;
    MessageFile& file_; // about() is not set for small messages
    OpenedFile kind_;
    std::uint64_t size_ = 0;   // of the file at open
    std::size_t held_ = 0;     // the whole file has been read into the buffer
    std::uint64_t offset_ = 0; // how much has been sent or queued
    bool as_it_lies_ = false;  // large and stored in wire form
    std::optional<std::uint64_t> octets_;
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    HeaderLook header_;
    message::DotStuffer stuffer_;
    std::optional<message::TopCutter> cutter_;
};

Delivery::Step FileDelivery::begin() {
    if (const Step step = file_.open(); step != Step::ready) {
        refusal_ = file_.refusal();
        return step;
    }
    if (order_.ascii_header && !header_.done) {
        if (const Step step = look_at_header(); step != Step::ready) return step;
    }
    const message::Snapshot& snapshot = order_.snapshot;
    bool measured = kind_ == OpenedFile::stored && snapshot.measured(order_.index);
    if (measured && read_whole(snapshot.stored_size(order_.index))) {
        size_ = held_;
        measured = order_.top_lines || counted() == snapshot.octets(order_.index);
    } else {
        if (!file_.look()) return Step::refused;
        size_ = file_.size();
        measured = measured && snapshot.stored_size(order_.index) == size_ && is_same_file();
        as_it_lies_ = measured && !order_.top_lines && size_ >= smallest_in_parts && snapshot.wire_form(order_.index);
    }
    // The octet count is promised only for the file that was measured, and only that one is known to be in wire form. A
    // file modified since is sent as it is, without a count.
    if (measured && !order_.top_lines) octets_ = snapshot.octets(order_.index);
    // A result of programs is counted only if that takes no more than reading it, which must be done anyway.
    if (kind_ == OpenedFile::made && !order_.top_lines && read_whole(size_)) octets_ = counted();
    return Step::ready;
}

// Checks up to max_header_octets, before anything is promised.
Delivery::Step FileDelivery::look_at_header() {
    using Found = message::HeaderOctets::Found;
    Found found = Found::nothing_yet;
    while (found == Found::nothing_yet && header_.length < max_header_octets) {
        std::string_view piece;
        const posix::Transfer got = file_.read(header_.length, piece);
        if (got.what == posix::Moved::would_block) return Step::wait;
        if (got.what == posix::Moved::failed) return Step::refused; // unreadable
        if (got.what == posix::Moved::end) break;
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
    if (measured >= FileRoom::size || (kind_ == OpenedFile::stored && measured % page == 0)) return false;
    const ssize_t n = file_.read_now(0, FileRoom::size);
    if (n < 0 || static_cast<std::uint64_t>(n) != measured) return false;
    held_ = measured;
    return true;
}

// The buffered file has the expected size, but different line ends would change the octet count. Counting is cheaper
// than asking for the file's time.
std::uint64_t FileDelivery::counted() const {
    message::OctetCounter counter;
    counter.feed({file_.still_read(), held_});
    return counter.finish();
}

bool FileDelivery::is_same_file() const {
    const struct stat& about = file_.about();
    return order_.snapshot.inode(order_.index) == about.st_ino &&
           order_.snapshot.mtime_ns(order_.index) ==
               about.st_mtim.tv_sec * std::int64_t{1'000'000'000} + about.st_mtim.tv_nsec;
}

// Only after the beginning has been read without blocking: on such a file system mincore() works.
std::optional<net::FilePart> FileDelivery::part() {
    if (!as_it_lies_ || offset_ == 0 || file_.busy()) return std::nullopt;
    const std::uint64_t end = (size_ - 1) / read_at_ends * read_at_ends;
    if (offset_ >= end) return std::nullopt;
    const auto octets = static_cast<std::size_t>(std::min<std::uint64_t>(largest_part, end - offset_));
    if (!file_.in_memory(offset_, octets)) return std::nullopt; // pull() handles it
    return net::FilePart{file_.get(), offset_, octets};
}

Delivery::Step FileDelivery::pull(std::string& out, std::size_t room) {
    const std::size_t before = out.size();
    if (held_ != 0 && offset_ == 0) {
        if (const char* const octets = file_.still_read()) return take({octets, held_}, out);
        held_ = 0; // another delivery has used the buffer: the octets are gone, even if we get the buffer back
    }
    while (out.size() - before < room) {
        if (offset_ == size_) return finish(out);
        const std::size_t most = as_it_lies_ && offset_ == 0 ? read_at_ends : FileRoom::size;
        std::string_view stored;
        const posix::Transfer got = file_.read_up_to(most, offset_, stored);
        if (got.what == posix::Moved::would_block) return Step::wait;
        // Shorter than at open: somebody truncated it, and a part must not look like the whole.
        if (got.what != posix::Moved::some) return Step::broken;
        const Step step = take(stored, out);
        if (step != Step::some || as_it_lies_) return step; // the next part may be sent by the kernel
    }
    return Step::some;
}

// Sends some octets of the file to the client.
Delivery::Step FileDelivery::take(std::string_view stored, std::string& out) {
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

} // namespace

std::unique_ptr<Delivery> deliver_file(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order) {
    return std::make_unique<FileDelivery>(needs, owner, std::move(order));
}

std::unique_ptr<Delivery> deliver_opened(DeliveryOrder order, MessageFile& opened, OpenedFile kind) {
    return std::make_unique<FileDelivery>(std::move(order), opened, kind);
}

} // namespace buzon::serve
