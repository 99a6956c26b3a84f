#include "buzon/admin/own_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace buzon::admin {

namespace {

state::Count page_size() {
    return static_cast<state::Count>(::sysconf(_SC_PAGESIZE));
}

} // namespace

OwnUsage::OwnUsage()
    : memory_{::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)}
    , descriptors_{::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)} {}

state::Count OwnUsage::resident_octets() const {
    std::array<char, 128> text{};
    unsigned long total = 0;
    unsigned long resident = 0;
    if (::pread(memory_.get(), text.data(), text.size() - 1, 0) <= 0) return 0;
    return std::sscanf(text.data(), "%lu %lu", &total, &resident) == 2 ? state::Count{resident} * page_size() : 0;
}

state::Count OwnUsage::open_descriptors() const {
    posix::UniqueFd copy{::fcntl(descriptors_.get(), F_DUPFD_CLOEXEC, 0)};
    DIR* const directory = copy ? ::fdopendir(copy.get()) : nullptr;
    if (!directory) return 0;
    (void)copy.release(); // it belongs to `directory` now
    ::rewinddir(directory);
    state::Count count = 0;
    while (::readdir(directory)) ++count;
    ::closedir(directory);
    constexpr state::Count of_ours = 4; // ".", "..", the directory and its copy
    return std::max(count, of_ours) - of_ours;
}

} // namespace buzon::admin
