#include "buzon/posix/shared_blocks.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <new>

namespace buzon::posix {

SharedBlocks::SharedBlocks(std::size_t size) noexcept
    : size_{size}, file_{::memfd_create("buzon-blocks", MFD_CLOEXEC)} {}

SharedBlocks::~SharedBlocks() {
    for (char* const block : blocks_) ::munmap(block, size_);
}

SharedBlocks::Block SharedBlocks::take() {
    const std::uint64_t offset = blocks_.size() * size_;
    blocks_.reserve(blocks_.size() + 1);
    int kind = MAP_PRIVATE | MAP_ANONYMOUS;   // without a file it is memory like any other
    if (file_) {
        if (::ftruncate(file_.get(), static_cast<off_t>(offset + size_)) != 0) throw std::bad_alloc{};
        kind = MAP_SHARED;
    }
    void* const address = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, kind, file_.get(), file_ ? static_cast<off_t>(offset) : 0);
    if (address == MAP_FAILED) throw std::bad_alloc{};
    blocks_.push_back(static_cast<char*>(address));
    return {blocks_.back(), offset};
}

void SharedBlocks::renew(Block block) const {
    if (file_ && ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(block.offset),
                             static_cast<off_t>(size_)) != 0)
        throw std::bad_alloc{};
}

} // namespace buzon::posix
