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
    // `wake` is called when the caller should try again. `needs` and `order` must outlive this object.
    MessageFile(DeliveryNeeds& needs, const DeliveryOrder& order, std::function<void()> wake)
        : needs_{needs}, order_{order}, wake_{wake}, opener_{needs, std::move(wake)} {}
    MessageFile(const MessageFile&) = delete;
    MessageFile& operator=(const MessageFile&) = delete;
    ~MessageFile() = default;

    // ready: the file is open. refused: refusal() says why.
    [[nodiscard]] Delivery::Step open();
    [[nodiscard]] pop3::DeliveryRefusal refusal() const noexcept { return refusal_; }
    void close() noexcept {
        file_.reset();
        lent_.reset();
    }
    // Replaces the message by another one, which lies in memory.
    void replace(posix::UniqueFd file) noexcept;
    [[nodiscard]] int get() const noexcept { return lent_ ? lent_->get() : file_.get(); } // -1: not opened yet

    // Call it before anything below except read_now().
    [[nodiscard]] bool look(); // false: it is not a regular file
    [[nodiscard]] const struct stat& about() const noexcept { return about_; }

    // Like pread(2) into the buffer that deliveries share, but fails with EAGAIN or EOPNOTSUPP if it would block.
    [[nodiscard]] ssize_t read_now(std::uint64_t offset, std::size_t octets);
    // What read_now() has read; null if another delivery has used the buffer since.
    [[nodiscard]] const char* still_read() const noexcept { return needs_.room.still_of(this); }
    [[nodiscard]] bool in_memory(std::uint64_t offset, std::size_t octets);

    // MessageSource. The octets are valid until the next read of any delivery.
    [[nodiscard]] std::uint64_t size() const override { return static_cast<std::uint64_t>(about_.st_size); }
    [[nodiscard]] posix::Transfer read(std::uint64_t offset, std::string_view& octets) override {
        return read_up_to(FileRoom::size, offset, octets);
    }
    // would_block: a worker is reading, and `wake` will be called.
    [[nodiscard]] posix::Transfer read_up_to(std::size_t most, std::uint64_t offset, std::string_view& octets);
    [[nodiscard]] bool busy() const noexcept { return reading_.waiting() || answer_; } // a worker reads or has answered
    [[nodiscard]] posix::UniqueFd take_file() override;

private:
    DeliveryNeeds& needs_;
    const DeliveryOrder& order_;
    std::function<void()> wake_;
    MessageOpener opener_;
    posix::UniqueFd file_;
    std::shared_ptr<posix::UniqueFd> lent_; // replaces file_ once a worker has been asked to read, which shares it
    struct stat about_ {};
    pop3::DeliveryRefusal refusal_ = pop3::DeliveryRefusal::unreadable;
    posix::FileView view_;        // while it is sent in parts
    bool only_in_memory_ = false; // its file system has no disk
    worker::Pending reading_;
    std::optional<worker::Answer> answer_;
    std::uint64_t answer_at_ = 0; // the offset that reading_ or answer_ is for
    std::string from_worker_;
};

enum class OpenedFile : std::uint8_t {
    stored, // the message of the order
    made,   // what programs have made of it
};

// Delivers an open message from its beginning. `opened` must outlive the delivery.
[[nodiscard]] std::unique_ptr<Delivery> deliver_opened(DeliveryOrder order, MessageFile& opened, OpenedFile kind);

} // namespace buzon::serve
