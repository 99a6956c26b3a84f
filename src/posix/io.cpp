#include "buzon/posix/io.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "buzon/posix/secret_text.h"

namespace buzon::posix {
namespace {

Transfer as_transfer(ssize_t n) noexcept {
    if (n > 0) return {Moved::some, static_cast<std::size_t>(n), {}};
    if (n == 0) return {Moved::end};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Moved::would_block};
    return {Moved::failed, 0, last_error()};
}

template <class Call>
ssize_t uninterrupted(Call call) noexcept {
    for (;;) {
        const ssize_t n = call();
        if (n >= 0 || errno != EINTR) return n;
    }
}

Result<std::string> read_whole(const char* path, int flags, std::size_t limit) {
    const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags)};
    if (!fd) return last_error();
    struct stat about {};
    if (::fstat(fd.get(), &about) != 0) return last_error();
    if (S_ISDIR(about.st_mode)) return std::error_code{EISDIR, std::system_category()};
    std::string text;
    // Growing to the size of a large file step by step would cost more than reading it.
    if (S_ISREG(about.st_mode)) text.reserve(std::min(static_cast<std::size_t>(about.st_size), limit));
    char piece[64 * 1024];
    for (;;) {
        const ssize_t n = uninterrupted([&] { return ::read(fd.get(), piece, sizeof piece); });
        if (n < 0) return last_error();
        if (n == 0) return text;
        const bool fits = text.size() + static_cast<std::size_t>(n) <= limit;
        if (fits) text.append(piece, static_cast<std::size_t>(n));
        wipe(piece, static_cast<std::size_t>(n)); // the file may hold secrets
        if (!fits) return std::error_code{EFBIG, std::system_category()};
    }
}

} // namespace

void fill_standard_descriptors() noexcept {
    for (int fd = 0; fd <= 2; ++fd)
        if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY));
}

Transfer read_some(int fd, std::span<char> into) noexcept {
    return as_transfer(uninterrupted([&] { return ::read(fd, into.data(), into.size()); }));
}

Transfer send_some(int socket, std::string_view from, bool more) noexcept {
    const int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    return as_transfer(uninterrupted([&] { return ::send(socket, from.data(), from.size(), flags); }));
}

void finish_sending(int socket) noexcept {
    ::shutdown(socket, SHUT_WR);
    char rest[4096];
    for (int i = 0; i < 16 && ::recv(socket, rest, sizeof rest, MSG_DONTWAIT) > 0; ++i) {
    }
}

std::error_code write_all(int fd, std::string_view from) noexcept {
    while (!from.empty()) {
        const ssize_t n = uninterrupted([&] { return ::write(fd, from.data(), from.size()); });
        if (n < 0) return last_error();
        from.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<std::string> read_file(const char* path, std::size_t limit) {
    return read_whole(path, 0, limit);
}

Result<std::string> read_regular_file(const char* path, std::size_t limit) {
    struct stat about {};
    // Check before opening: opening some devices has side effects.
    if (::stat(path, &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) return std::error_code{EINVAL, std::system_category()};
    return read_whole(path, O_NONBLOCK, limit);
}

std::string content_of(int memory) {
    struct stat about {};
    if (memory < 0 || ::fstat(memory, &about) != 0 || about.st_size <= 0) return {};
    std::string text(static_cast<std::size_t>(about.st_size), '\0');
    return ::pread(memory, text.data(), text.size(), 0) == about.st_size ? text : std::string{};
}

Result<Pipe> make_pipe(bool non_blocking) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | (non_blocking ? O_NONBLOCK : 0)) != 0) return last_error();
    return Pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

} // namespace buzon::posix
