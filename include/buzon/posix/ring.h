// posix/ring.h - many small calls for the price of one: io_uring(7), by the system calls alone. For processes that may
// wait.
#pragma once

#include <linux/io_uring.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

// What the kernel and the process share.
class Mapping {
public:
    Mapping(int fd, std::size_t size, unsigned long long offset) noexcept; // false when it cannot be had
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) = delete;
    ~Mapping();

    explicit operator bool() const noexcept { return address_ != nullptr; }
    [[nodiscard]] char* at(unsigned offset) const noexcept { return address_ + offset; }

private:
    char* address_ = nullptr;
    std::size_t size_ = 0;
};

// Calls are noted one by one, then performed together; they know nothing of each other and may end in any order. Where
// entering the kernel costs as much as the work there, a batch of 32 takes half the time.
class Ring {
public:
    // For up to `most` calls at a time, a power of two. None where the kernel has no rings or grants none (many
    // containers do not): everything must go without, too.
    [[nodiscard]] static std::optional<Ring> make(unsigned most);

    // Not more than `most` without perform(). Names and buffers stay the caller's and must last until then.
    void open(int directory, const char* name, int flags) noexcept;
    void read(int fd, std::span<char> into) noexcept; // from the beginning of the file
    void close(int fd) noexcept;

    // Performs what was noted and waits for all of it. What each call returned, in the order noted; an error as -errno,
    // ECANCELED when the kernel did not take it. Valid until the next call is noted.
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
    unsigned noted_ = 0, running_ = 0;
    std::vector<int> results_;
};

} // namespace buzon::posix
