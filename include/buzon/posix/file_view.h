// posix/file_view.h - which parts of a file are in memory, and a way to send them to a socket without copying.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>

#include "buzon/posix/io.h"

namespace buzon::posix {

// A mapping that is queried but never touched: mincore(2) reports which pages are present and up to date.
// A probe by RWF_NOWAIT would copy them, and cachestat(2) also counts pages that are still being read.
class FileView {
public:
    FileView() = default;
    // Maps the open file that `about` describes; the file may be closed afterwards. Not known() where mincore() would
    // lie: to a process that neither owns the file nor has CAP_FOWNER it reports every page as present.
    FileView(int fd, const struct stat& about) noexcept;
    FileView(FileView&& other) noexcept;
    FileView& operator=(FileView&& other) noexcept;
    ~FileView();

    [[nodiscard]] bool known() const noexcept { return address_ != nullptr; }
    // At least one octet of the range must lie within the file. Also false when the kernel cannot tell.
    [[nodiscard]] bool in_memory(std::uint64_t offset, std::size_t octets) const noexcept;

private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

// Sends up to `octets` octets, from `offset` of a file, to a non-blocking socket, straight from the page cache
// (sendfile). It blocks on pages that are not in memory, so check first. Moved::end: the file is shorter.
[[nodiscard]] Transfer send_file(int socket, int file, std::uint64_t offset, std::size_t octets) noexcept;

} // namespace buzon::posix
