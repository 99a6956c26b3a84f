#include "buzon/posix/shared_blocks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace buzon::posix {

SharedBlocks::SharedBlocks(std::size_t size, std::size_t most) noexcept
    : size_{size}, most_{most}, file_{::memfd_create("buzon-blocks", MFD_CLOEXEC)} {
    if (file_ && ::ftruncate(file_.get(), static_cast<off_t>(size * most)) != 0) file_.reset();
}

SharedBlocks::~SharedBlocks() {
    for (char* const block : blocks_) ::munmap(block, size_);
}

SharedBlocks::Block SharedBlocks::take() {
    if (!spare_.empty()) {
        const Block block = spare_.back();
        spare_.pop_back();
        if (with_memory_ > 0) --with_memory_;
        return block;
    }
    if (blocks_.size() == most_) throw std::bad_alloc{};
    const std::uint64_t offset = blocks_.size() * size_;
    blocks_.reserve(blocks_.size() + 1);
    spare_.reserve(blocks_.size() + 1);
    void* const address = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) throw std::bad_alloc{};
    blocks_.push_back(static_cast<char*>(address));
    return {blocks_.back(), offset};
}

bool SharedBlocks::copy(Block block, std::size_t from, std::size_t to) const noexcept {
    if (!file_) return false;
    while (from < to) {
        const ssize_t n = ::pwrite(file_.get(), block.data + from, to - from, static_cast<off_t>(block.offset + from));
        if (n <= 0) return false;
        from += static_cast<std::size_t>(n);
    }
    return true;
}

bool SharedBlocks::renew(Block block) const noexcept {
    return file_ && ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                static_cast<off_t>(block.offset), static_cast<off_t>(size_)) == 0;
}

void SharedBlocks::give_back(Block block) noexcept {
    constexpr std::size_t kept = std::size_t{4} << 20;
    (void)renew(block);
    if ((with_memory_ + 1) * size_ <= kept) {
        spare_.push_back(block);
        ++with_memory_;
    } else {
        (void)::madvise(block.data, size_, MADV_DONTNEED);
        spare_.insert(spare_.begin(), block);
    }
}

} // namespace buzon::posix
