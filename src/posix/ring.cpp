#include "buzon/posix/ring.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace buzon::posix {
namespace {

UniqueFd set_up(unsigned max_batch, io_uring_params& about) noexcept {
    // Only one process uses the ring, and it polls for results. Since Linux 6.1 the kernel can be told so, and then
    // need not interrupt the process.
    constexpr unsigned single_issuer = 1U << 12, defer_taskrun = 1U << 13;
    for (const unsigned flags : {single_issuer | defer_taskrun, 0U}) {
        about = {};
        about.flags = flags | IORING_SETUP_R_DISABLED;
        UniqueFd fd{static_cast<int>(::syscall(SYS_io_uring_setup, max_batch, &about))};
        if (fd || errno != EINVAL) return fd;
    }
    return UniqueFd{};
}

int at_ring(int fd, unsigned what, const void* argument, std::size_t count) noexcept {
    return static_cast<int>(::syscall(SYS_io_uring_register, fd, what, argument, count));
}

// A system call filter (sandbox) does not see what a ring does. So the ring itself is restricted to what it is for, in
// case the process is taken over.
bool restrict_and_enable(int fd) noexcept {
    std::array<io_uring_restriction, 3> allowed{};
    std::size_t i = 0;
    for (const auto operation : {IORING_OP_OPENAT, IORING_OP_READ, IORING_OP_CLOSE}) {
        allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
        allowed[i++].sqe_op = static_cast<std::uint8_t>(operation);
    }
    return at_ring(fd, IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size()) == 0 &&
           at_ring(fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0;
}

std::uint64_t address(const void* of) noexcept {
    return reinterpret_cast<std::uintptr_t>(of);
}

template <class Number>
Number* number_at(const Mapping& rings, unsigned offset) noexcept {
    return reinterpret_cast<Number*>(rings.at(offset));
}

} // namespace

Mapping::Mapping(int fd, std::size_t size, unsigned long long offset) noexcept {
    void* const mapped =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, static_cast<off_t>(offset));
    if (mapped == MAP_FAILED) return;
    address_ = static_cast<char*>(mapped);
    size_ = size;
}

Mapping::Mapping(Mapping&& other) noexcept
    : address_{std::exchange(other.address_, nullptr)}, size_{std::exchange(other.size_, 0)} {}

Mapping::~Mapping() {
    if (address_ != nullptr) ::munmap(address_, size_);
}

std::optional<Ring> Ring::make(unsigned max_batch) {
    io_uring_params about;
    UniqueFd fd = set_up(max_batch, about);
    // Both rings are in one mapping (Linux 5.4); we support only that.
    if (!fd || (about.features & IORING_FEAT_SINGLE_MMAP) == 0 || !restrict_and_enable(fd.get())) return std::nullopt;
    const std::size_t size = std::max<std::size_t>(about.sq_off.array + about.sq_entries * sizeof(unsigned),
                                                   about.cq_off.cqes + about.cq_entries * sizeof(io_uring_cqe));
    Mapping rings{fd.get(), size, IORING_OFF_SQ_RING};
    Mapping entries{fd.get(), about.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES};
    if (!rings || !entries) return std::nullopt;
    return Ring{std::move(fd), std::move(rings), std::move(entries), about};
}

Ring::Ring(UniqueFd fd, Mapping rings, Mapping entries, const io_uring_params& about)
    : fd_{std::move(fd)}
    , rings_{std::move(rings)}
    , entries_{std::move(entries)}
    , submitted_tail_{number_at<unsigned>(rings_, about.sq_off.tail)}
    , completed_head_{number_at<unsigned>(rings_, about.cq_off.head)}
    , completed_tail_{number_at<unsigned>(rings_, about.cq_off.tail)}
    , completions_{number_at<io_uring_cqe>(rings_, about.cq_off.cqes)}
    , submitted_mask_{*number_at<unsigned>(rings_, about.sq_off.ring_mask)}
    , completed_mask_{*number_at<unsigned>(rings_, about.cq_off.ring_mask)}
    , results_(about.sq_entries) {
    unsigned* const order = number_at<unsigned>(rings_, about.sq_off.array); // of the entries: always the same
    for (unsigned i = 0; i < about.sq_entries; ++i) order[i] = i;
}

// The kernel reads the tail only within perform().
io_uring_sqe& Ring::next() noexcept {
    io_uring_sqe& entry = *(number_at<io_uring_sqe>(entries_, 0) + (*submitted_tail_ & submitted_mask_));
    entry = {};
    entry.user_data = queued_++;
    ++*submitted_tail_;
    return entry;
}

void Ring::open(int directory, const char* name, int flags) noexcept {
    io_uring_sqe& entry = next();
    entry.opcode = IORING_OP_OPENAT;
    entry.fd = directory;
    entry.addr = address(name);
    entry.open_flags = static_cast<unsigned>(flags);
}

void Ring::read(int fd, std::span<char> into) noexcept {
    io_uring_sqe& entry = next();
    entry.opcode = IORING_OP_READ;
    entry.fd = fd;
    entry.addr = address(into.data());
    entry.len = static_cast<unsigned>(into.size());
}

void Ring::close(int fd) noexcept {
    io_uring_sqe& entry = next();
    entry.opcode = IORING_OP_CLOSE;
    entry.fd = fd;
}

std::span<const int> Ring::perform() noexcept {
    const std::span<int> results = std::span{results_}.first(queued_);
    std::fill(results.begin(), results.end(), -ECANCELED);
    unsigned waiting = std::exchange(queued_, 0);
    while (waiting != 0 || running_ != 0) {
        const long taken = ::syscall(SYS_io_uring_enter, fd_.get(), waiting, waiting + running_, IORING_ENTER_GETEVENTS,
                                     nullptr, std::size_t{0});
        const bool refused = taken < 0 && errno != EINTR;
        // 0 is not an error, but it would repeat forever: the kernel sees no new entry, because another process used
        // the ring.
        if (refused || (taken == 0 && waiting != 0)) {
            // The kernel accepts no more: withdraw what it has not seen, wait for what is running.
            *submitted_tail_ -= std::exchange(waiting, 0);
            // Should not happen: even waiting is refused, while the kernel may still write to the caller's buffers.
            if (running_ != 0 && refused && errno != EAGAIN && errno != EBUSY) std::abort();
        }
        if (taken > 0) {
            waiting -= static_cast<unsigned>(taken);
            running_ += static_cast<unsigned>(taken);
        }
        collect();
    }
    return results;
}

void Ring::collect() noexcept {
    unsigned head = *completed_head_;
    for (const unsigned tail = std::atomic_ref{*completed_tail_}.load(std::memory_order_acquire); head != tail;
         ++head, --running_) {
        const io_uring_cqe& done = completions_[head & completed_mask_];
        results_[done.user_data] = done.res;
    }
    std::atomic_ref{*completed_head_}.store(head, std::memory_order_release);
}

} // namespace buzon::posix
