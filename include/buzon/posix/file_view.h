// posix/file_view.h - which parts of a file are in memory, and a way from there to a socket that copies nothing.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>

#include "buzon/posix/io.h"

namespace buzon::posix {

// A mapping that is asked about and never touched: mincore(2) knows which pages are there and hold what the disk holds.
// A probe by RWF_NOWAIT would have to copy them, and cachestat(2) counts those that are still being read.
class FileView {
public:
    FileView() = default;
    // Of the open file that `about` describes; it may be closed meanwhile. Not known() where mincore() would not tell
    // the truth: to those who neither own the file nor may (CAP_FOWNER) it says that everything is there.
    FileView(int fd, const struct stat& about) noexcept;
    FileView(FileView&& other) noexcept;
    FileView& operator=(FileView&& other) noexcept;
    ~FileView();

    [[nodiscard]] bool known() const noexcept { return address_ != nullptr; }
    // At least one octet of offset, octets must lie within the file. False also when that cannot be found out.
    [[nodiscard]] bool in_memory(std::uint64_t offset, std::size_t octets) const noexcept;

private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

// Up to `octets` from `offset` of a file to a non-blocking socket, from the page cache (sendfile). It waits for what is
// not there, so ask first. Moved::end: the file is shorter.
[[nodiscard]] Transfer send_file(int socket, int file, std::uint64_t offset, std::size_t octets) noexcept;

} // namespace buzon::posix
