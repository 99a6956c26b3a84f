// posix/io.h - read and write, answering in four words. EINTR and EAGAIN are known here and nowhere above.
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

// At most into.size() octets from a descriptor in non-blocking mode. An empty span is a mistake of the caller's.
[[nodiscard]] Transfer read_some(int fd, std::span<char> into) noexcept;

// A peer that has gone is Moved::failed with EPIPE or ECONNRESET, never a signal.
[[nodiscard]] Transfer write_some(int fd, std::string_view from) noexcept;
// The same for a socket: MSG_NOSIGNAL, and MSG_MORE when `more` follows at once.
[[nodiscard]] Transfer send_some(int socket, std::string_view from, bool more = false) noexcept;
// Before the close of a socket whose peer may still be sending: unread input would make the kernel throw away what is
// on its way to the peer. Ends our side and takes what has come, within bounds; never waits.
void finish_sending(int socket) noexcept;
[[nodiscard]] Transfer writev_some(int fd, std::span<const iovec> from) noexcept;

// Whole-file helpers for start-up, workers and tests: they may wait, so the reactor never calls them.
[[nodiscard]] std::error_code write_all(int fd, std::string_view from) noexcept;
// The file at `path`, refused with EFBIG beyond `limit` octets.
[[nodiscard]] Result<std::string> read_file(const char* path, std::size_t limit);
// The same for a place where something else may lie: whatever is no regular file is refused with EINVAL (EISDIR for a
// directory), and a pipe without a writer is not waited for.
[[nodiscard]] Result<std::string> read_regular_file(const char* path, std::size_t limit);

// A closed standard descriptor would be given to the next file or socket that is opened, and then read from or logged
// into. For the beginning of main().
void fill_standard_descriptors() noexcept;

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
// Both ends close-on-exec; non-blocking when asked for.
[[nodiscard]] Result<Pipe> make_pipe(bool non_blocking);

} // namespace buzon::posix
