// serve/message_file.h - a message's file, and what can be read of it without blocking. A worker reads what is not in
// memory.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "buzon/filter/outcome.h"
#include "buzon/posix/file_view.h"
#include "buzon/serve/delivery.h"

namespace buzon::serve {

class MessageFile final : public filter::MessageSource {
public:
    // `wake` is called when the caller should try again. All outlive this.
    MessageFile(DeliveryNeeds& needs, const DeliveryOrder& order, std::function<void()> wake)
        : needs_{needs}, order_{order}, wake_{wake}, opener_{needs, std::move(wake)} {}
    MessageFile(const MessageFile&) = delete;
    MessageFile& operator=(const MessageFile&) = delete;
    ~MessageFile() = default;

    // Once it is ready, it is open. refused: refusal() says why.
    [[nodiscard]] Delivery::Step open();
    [[nodiscard]] pop3::DeliveryRefusal refusal() const noexcept { return refusal_; }
    void close() noexcept {
        file_.reset();
        lent_.reset();
    }
    // Another message, which lies in memory, in place of this one.
    void replace(posix::UniqueFd file) noexcept;
    [[nodiscard]] int get() const noexcept { return lent_ ? lent_->get() : file_.get(); } // -1: not opened yet

    // Needed for what follows, but for read_now().
    [[nodiscard]] bool look(); // false: it is no regular file
    [[nodiscard]] const struct stat& about() const noexcept { return about_; }

    // Like pread(2) into the buffer that deliveries share, but fails with EAGAIN or EOPNOTSUPP where it would block.
    [[nodiscard]] ssize_t read_now(std::uint64_t offset, std::size_t octets);
    // What read_now() has read, unless another delivery has used the buffer meanwhile.
    [[nodiscard]] const char* still_read() const noexcept { return needs_.room.still_of(this); }
    [[nodiscard]] bool in_memory(std::uint64_t offset, std::size_t octets);

    // MessageSource. What follows is valid until the next read of any delivery.
    [[nodiscard]] std::uint64_t size() const override { return static_cast<std::uint64_t>(about_.st_size); }
    [[nodiscard]] posix::Transfer read(std::uint64_t offset, std::string_view& octets) override {
        return read_up_to(FileRoom::size, offset, octets);
    }
    // would_block: a worker reads them, and `wake` is called.
    [[nodiscard]] posix::Transfer read_up_to(std::size_t most, std::uint64_t offset, std::string_view& octets);
    [[nodiscard]] bool busy() const noexcept { return reading_.waiting() || answer_; } // with a worker
    [[nodiscard]] posix::UniqueFd take_file() override;

private:
    DeliveryNeeds& needs_;
    const DeliveryOrder& order_;
    std::function<void()> wake_;
    MessageOpener opener_;
    posix::UniqueFd file_;
    std::shared_ptr<posix::UniqueFd> lent_; // in place of file_ once a worker has been asked to read: both have it
    struct stat about_ {};
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    posix::FileView view_;        // while it is sent in parts
    bool only_in_memory_ = false; // its file system has no disk
    worker::Pending reading_;
    std::optional<worker::Answer> answer_;
    std::string from_worker_;
};

enum class OpenedFile : std::uint8_t {
    stored, // the message of the order
    made,   // what programs have made of it
};

// Delivers one that is open, from its beginning. It outlives the delivery.
[[nodiscard]] std::unique_ptr<Delivery> deliver_opened(DeliveryOrder order, MessageFile& opened, OpenedFile kind);

} // namespace buzon::serve
