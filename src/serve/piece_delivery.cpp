// Delivers a message on a file system that may hang. Workers open, read and close it, a piece at a time, so that this
// process never holds a file there; even closing one may hang.
#include <cerrno>

#include "buzon/jobs/jobs.h"
#include "buzon/message/dot_stuffer.h"
#include "buzon/message/header.h"
#include "buzon/serve/delivery.h"

namespace buzon::serve {
namespace {

constexpr std::uint32_t octets_of_a_piece = 64 * 1024;

class PieceDelivery final : public Delivery {
public:
    PieceDelivery(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order)
        : needs_{needs}, owner_{owner}, order_{std::move(order)}, header_is_fine_{!order_.ascii_header} {
        if (order_.top_lines) cutter_.emplace(*order_.top_lines);
    }

    Step begin() override;
    std::optional<std::uint64_t> octets() const override { return octets_; }
    Step pull(std::string& out, std::size_t room) override;
    pop3::DeliveryRefusal refusal() const override { return refusal_; }

private:
    using Read = jobs::ReadMessage::Answer;

    Step ask_for(std::uint64_t offset);
    [[nodiscard]] bool take_answer();
    [[nodiscard]] bool is_same_file(const Read& read) const;
    Step look_at_header();
    void promise_octets();
    void pass_on(std::size_t room, std::string& out);

    DeliveryNeeds& needs_;
    login::TaskOwner& owner_;
    DeliveryOrder order_;
    worker::Pending reading_;
    std::optional<worker::Answer> answer_;
    std::optional<Read> file_; // as first opened, and its latest piece
    std::uint64_t piece_at_ = 0;
    std::uint64_t offset_ = 0; // how much has been sent or queued
    std::optional<std::uint64_t> octets_;
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    bool header_is_fine_; // or the client accepts any
    message::HeaderOctets header_;
    message::DotStuffer stuffer_;
    std::optional<message::TopCutter> cutter_;
};

Delivery::Step PieceDelivery::ask_for(std::uint64_t offset) {
    const message::Snapshot& snapshot = order_.snapshot;
    const jobs::ReadMessage job{{order_.maildir, snapshot.file_name(order_.index), snapshot.in_new(order_.index),
                                 file_ ? file_->inode : snapshot.telling_inode(order_.index)},
                                offset,
                                octets_of_a_piece};
    piece_at_ = offset;
    reading_ = needs_.disk.submit(jobs::order_for(order_.owner, job), [this](worker::Answer answer) {
        answer_ = std::move(answer);
        owner_.task_wakes();
    });
    return Step::wait;
}

// False: the message has gone or cannot be read.
bool PieceDelivery::take_answer() {
    auto said = jobs::read<jobs::ReadMessage>(*answer_);
    answer_.reset();
    if (said.why.value() == ENOENT) refusal_ = pop3::DeliveryRefusal::gone;
    if (said.why || (file_ && !is_same_file(said.answer))) return false;
    file_ = std::move(said.answer);
    return true;
}

// Halves of two different files must not be sent as one message.
bool PieceDelivery::is_same_file(const Read& read) const {
    return read.inode == file_->inode && read.size == file_->size && read.mtime_ns == file_->mtime_ns;
}

Delivery::Step PieceDelivery::begin() {
    if (reading_.waiting()) return Step::wait;
    if (!file_ && !answer_) return ask_for(0);
    if (answer_ && !take_answer()) return Step::refused;
    if (!header_is_fine_) {
        if (const Step step = look_at_header(); step != Step::ready) return step;
    }
    promise_octets();
    return Step::ready;
}

Delivery::Step PieceDelivery::look_at_header() {
    using Found = message::HeaderOctets::Found;
    const Found found = header_.feed(file_->octets);
    if (found == Found::eight_bit) {
        refusal_ = pop3::DeliveryRefusal::needs_utf8;
        return Step::refused;
    }
    const std::uint64_t next = piece_at_ + file_->octets.size();
    header_is_fine_ = found != Found::nothing_yet || file_->octets.empty() || next >= max_header_octets;
    return header_is_fine_ ? Step::ready : ask_for(next);
}

// If the whole message is at hand, its octets are counted; for a measured file they are known.
void PieceDelivery::promise_octets() {
    if (order_.top_lines) return;
    const message::Snapshot& snapshot = order_.snapshot;
    if (piece_at_ == 0 && file_->octets.size() == file_->size) {
        message::OctetCounter counter;
        counter.feed(file_->octets);
        octets_ = counter.finish();
    } else if (snapshot.measured(order_.index) && snapshot.stored_size(order_.index) == file_->size &&
               snapshot.inode(order_.index) == file_->inode && snapshot.mtime_ns(order_.index) == file_->mtime_ns) {
        octets_ = snapshot.octets(order_.index);
    }
}

Delivery::Step PieceDelivery::pull(std::string& out, std::size_t room) {
    if (reading_.waiting()) return Step::wait;
    if (answer_ && !take_answer()) return Step::broken;
    const std::size_t before = out.size();
    while (out.size() - before < room) {
        const bool finished = offset_ == file_->size || (cutter_ && cutter_->done());
        if (finished) {
            stuffer_.finish(out);
            return Step::done;
        }
        const bool in_hand = offset_ >= piece_at_ && offset_ < piece_at_ + file_->octets.size();
        if (!in_hand && offset_ == piece_at_) return Step::broken; // shorter than its recorded size
        if (!in_hand) return ask_for(offset_);
        pass_on(room, out);
    }
    return Step::some;
}

void PieceDelivery::pass_on(std::size_t room, std::string& out) {
    std::string_view stored = std::string_view{file_->octets}.substr(static_cast<std::size_t>(offset_ - piece_at_));
    stored = stored.substr(0, room);
    offset_ += stored.size();
    if (cutter_) stored = stored.substr(0, cutter_->feed(stored));
    stuffer_.feed(stored, out);
}

} // namespace

std::unique_ptr<Delivery> deliver_pieces(DeliveryNeeds& needs, login::TaskOwner& owner, DeliveryOrder order) {
    return std::make_unique<PieceDelivery>(needs, owner, std::move(order));
}

} // namespace buzon::serve
