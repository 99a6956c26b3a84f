// posix/shared_blocks.h - memory of which sockets can be given pages: what goes to many peers is copied once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

// Blocks of memory, each with its place in a file for send_file(), into which it is copied as far as somebody asks.
// Pages that were sent stand in the queues of sockets until their peers have taken them: a block gets others by
// renew(). (Memory that is itself part of the file would save the copy, and cost page faults whenever its pages change:
// they are dearer.)
class SharedBlocks {
public:
    struct Block {
        char* data = nullptr;     // zeroed at first
        std::uint64_t offset = 0; // its place in file()
    };

    // `size`: octets of each block, whole pages. `most`: how many can be taken. Where a file of that size is not
    // allowed, or no descriptor to be had, they are memory alone.
    SharedBlocks(std::size_t size, std::size_t most) noexcept;
    SharedBlocks(const SharedBlocks&) = delete;
    SharedBlocks& operator=(const SharedBlocks&) = delete;
    ~SharedBlocks();

    [[nodiscard]] int file() const noexcept { return file_.get(); } // negative: there is none
    // One more, which lives as long as we do, or one that was given back. Throws std::bad_alloc, also when all are
    // taken.
    [[nodiscard]] Block take();
    // Copies octets [from, to) of the block into the file. False: there is no file, or no memory for it.
    [[nodiscard]] bool copy(Block block, std::size_t from, std::size_t to) const noexcept;
    // The file gets new pages in the place of the block; the old ones live on with the sockets that have yet to send
    // them. False: it was not possible, and nothing may be copied there.
    [[nodiscard]] bool renew(Block block) const noexcept;
    // Somebody else may have it. The memory goes back to the kernel, but for 4 MiB: to get it again costs a page fault
    // each.
    void give_back(Block block) noexcept;

private:
    std::size_t size_;
    std::size_t most_;
    UniqueFd file_;
    std::vector<char*> blocks_;   // by their place in the file; spare_ has room for all of them
    std::vector<Block> spare_;    // those with memory last,
    std::size_t with_memory_ = 0; // so many of them
};

} // namespace buzon::posix
