// posix/io.h - non-blocking read and write with four possible results. Callers never see EINTR or EAGAIN.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

enum class Moved { some, would_block, end, failed };

struct Transfer {
    Moved what;
    std::size_t bytes = 0;    // only with Moved::some
    std::error_code why = {}; // only with Moved::failed
};

// Reads at most into.size() octets from a descriptor in non-blocking mode. The span must not be empty.
[[nodiscard]] Transfer read_some(int fd, std::span<char> into) noexcept;

// Sends to a socket; with MSG_MORE if `more` data follows at once. If the peer is gone: Moved::failed with EPIPE or
// ECONNRESET, never a signal.
[[nodiscard]] Transfer send_some(int socket, std::string_view from, bool more = false) noexcept;
// Call before closing a socket whose peer may still be sending: unread input would make the kernel discard what is on
// its way to the peer. Shuts down our side and reads a bounded amount of input; never blocks.
void finish_sending(int socket) noexcept;

// Whole-file helpers for startup, workers and tests. They may block, so the reactor never calls them.
[[nodiscard]] std::error_code write_all(int fd, std::string_view from) noexcept;
// The file at `path`, refused with EFBIG beyond `limit` octets.
[[nodiscard]] Result<std::string> read_file(const char* path, std::size_t limit);
// The same for a path that may name something else: anything but a regular file is refused with EINVAL (EISDIR for a
// directory), and a FIFO without a writer does not block.
[[nodiscard]] Result<std::string> read_regular_file(const char* path, std::size_t limit);
// The whole content of a memory file, whatever its file offset; empty if it cannot be read.
[[nodiscard]] std::string content_of(int memory);

// Opens /dev/null in place of closed standard descriptors: otherwise the next file or socket would get that number and
// be read from or logged to. Call it at the start of main().
void fill_standard_descriptors() noexcept;

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
// Both ends close-on-exec; non-blocking when asked for.
[[nodiscard]] Result<Pipe> make_pipe(bool non_blocking);

} // namespace buzon::posix
