// posix/shared_blocks.h - memory that sockets can be given pages of: what goes to many peers is written once, copied never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

// Blocks of memory that are at the same time parts of one file, for send_file(). Pages that were sent stand in the queues of
// sockets until their peers have taken them: what was sent must not be written again before renew().
class SharedBlocks {
public:
    struct Block {
        char* data = nullptr;      // zeroed
        std::uint64_t offset = 0;  // where it lies in file()
    };

    // `size`: octets of each block, whole pages. `most`: how many can be taken. Where a file of that size is not allowed, or no
    // descriptor to be had, they are memory alone.
    SharedBlocks(std::size_t size, std::size_t most) noexcept;
    SharedBlocks(const SharedBlocks&) = delete;
    SharedBlocks& operator=(const SharedBlocks&) = delete;
    ~SharedBlocks();

    [[nodiscard]] int file() const noexcept { return file_.get(); }   // negative: there is none
    // One more, which lives as long as we do. Throws std::bad_alloc, also when all have been taken.
    [[nodiscard]] Block take();
    // Zeroed pages instead of the old ones, which live on with the sockets that have yet to send them. Throws std::bad_alloc.
    void renew(Block block) const;

private:
    std::size_t size_;
    std::size_t most_;
    UniqueFd file_;
    std::vector<char*> blocks_;
};

} // namespace buzon::posix
