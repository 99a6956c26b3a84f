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
    if (blocks_.size() == most_) throw std::bad_alloc{};
    const std::uint64_t offset = blocks_.size() * size_;
    blocks_.reserve(blocks_.size() + 1);
    const int kind = file_ ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
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
