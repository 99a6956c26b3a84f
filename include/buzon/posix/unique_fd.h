// posix/unique_fd.h - the owner of one descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace buzon::posix {

// Owns one descriptor and closes it. A plain int fd elsewhere in the program is always borrowed.
class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_{fd} {}
    UniqueFd(UniqueFd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;            // two owners would close twice,
    UniqueFd& operator=(const UniqueFd&) = delete; // the second time somebody else's descriptor
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    // Gives up ownership: the caller closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept {
        // The result is ignored on purpose: Linux frees the number even if close() reports an error.
        if (const int old = std::exchange(fd_, fd); old >= 0) ::close(old);
    }

private:
    int fd_ = -1;
};

} // namespace buzon::posix
