// posix/ring.h - many system calls for the price of one: io_uring(7), without a library. For processes that may
// block.
#pragma once

#include <linux/io_uring.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

// Memory that the kernel and the process share.
class Mapping {
public:
    Mapping(int fd, std::size_t size, unsigned long long offset) noexcept; // false if it cannot be mapped
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) = delete;
    ~Mapping();

    explicit operator bool() const noexcept { return address_ != nullptr; }
    [[nodiscard]] char* at(unsigned offset) const noexcept { return address_ + offset; }

private:
    char* address_ = nullptr;
    std::size_t size_ = 0;
};

// Calls are queued one by one, then performed together. They are independent and may finish in any order. Where
// entering the kernel costs as much as the work inside it, a batch of 32 takes half the time. A ring belongs to the
// process that made it; a forked child makes its own.
class Ring {
public:
    // For batches of up to `max_batch` calls, a power of two. The ring accepts only the three calls below (this needs
    // Linux 5.10). Nothing if the kernel has no such rings or refuses one (as in many containers): callers must work
    // without a ring, too.
    [[nodiscard]] static std::optional<Ring> make(unsigned max_batch);

    // Queue at most `max_batch` calls before perform(). Names and buffers are borrowed until then.
    void open(int directory, const char* name, int flags) noexcept;
    void read(int fd, std::span<char> into) noexcept; // from the beginning of the file
    void close(int fd) noexcept;

    // Performs the queued calls and waits for all of them. Returns their results in the order queued; an error is
    // -errno, ECANCELED if the kernel did not accept the call. Valid until the next call is queued.
    [[nodiscard]] std::span<const int> perform() noexcept;

private:
    Ring(UniqueFd fd, Mapping rings, Mapping entries, const io_uring_params& about);
    [[nodiscard]] io_uring_sqe& next() noexcept;
    void collect() noexcept;

    UniqueFd fd_;
    Mapping rings_, entries_;
    unsigned* submitted_tail_;
    unsigned* completed_head_;
    unsigned* completed_tail_;
    const io_uring_cqe* completions_;
    unsigned submitted_mask_, completed_mask_;
    unsigned queued_ = 0, running_ = 0;
    std::vector<int> results_;
};

} // namespace buzon::posix
