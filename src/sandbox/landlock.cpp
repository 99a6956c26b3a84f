#include "buzon/sandbox/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace buzon::sandbox {
namespace {

// The <linux/landlock.h> that we are built with may lack some of these. The numbers never change.
constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446;
constexpr unsigned ask_version = 1;
constexpr int path_beneath = 1;

constexpr std::uint64_t execute = 1 << 0, write_file = 1 << 1, read_file = 1 << 2, read_dir = 1 << 3,
                        remove_dir = 1 << 4, remove_file = 1 << 5, make_dir = 1 << 7, make_reg = 1 << 8,
                        make_sock = 1 << 9, make_fifo = 1 << 10, make_sym = 1 << 12, refer = 1 << 13,
                        truncate = 1 << 14, ioctl_dev = 1 << 15;
constexpr std::uint64_t all_of_version_2 = (1 << 14) - 1;
constexpr std::uint64_t for_files = execute | write_file | read_file | truncate | ioctl_dev;
constexpr std::uint64_t all_tcp = 3; // bind, connect
constexpr std::uint64_t scope_abstract_sockets = 1, scope_signals = 2;

struct RulesetAttribute {
    std::uint64_t files, tcp, scoped;
};

struct [[gnu::packed]] PathAttribute {
    std::uint64_t access;
    std::int32_t folder;
};

std::uint64_t file_rights(int version) noexcept {
    return all_of_version_2 | (version >= 3 ? truncate : 0) | (version >= 5 ? ioctl_dev : 0);
}

std::uint64_t rights_of(Access access) noexcept {
    constexpr std::uint64_t read = read_file | read_dir;
    constexpr std::uint64_t write =
        read | write_file | remove_dir | remove_file | make_dir | make_reg | refer | truncate;
    switch (access) {
    case Access::read: return read;
    case Access::run: return read | execute;
    case Access::write: return write;
    case Access::use: return write | make_sock | make_fifo | make_sym | ioctl_dev;
    case Access::all: return write | make_sock | make_fifo | make_sym | ioctl_dev | execute;
    }
    return 0;
}

bool means_not_there(int why) noexcept {
    return why == ENOENT || why == ENOTDIR || why == EACCES || why == ELOOP || why == ENAMETOOLONG;
}

std::error_code allow(int ruleset, const Allowed& what, std::uint64_t handled) {
    const posix::UniqueFd file{::open(what.path.c_str(), O_PATH | O_CLOEXEC | (what.follow ? 0 : O_NOFOLLOW))};
    struct stat about {};
    if (!file) return means_not_there(errno) ? std::error_code{} : posix::last_error();
    if (::fstat(file.get(), &about) != 0) return posix::last_error();
    if (S_ISLNK(about.st_mode)) return {};
    PathAttribute rule{rights_of(what.access) & handled, file.get()};
    if (!S_ISDIR(about.st_mode)) rule.access &= for_files;
    if (::syscall(add_rule, ruleset, path_beneath, &rule, 0U) != 0) return posix::last_error();
    return {};
}

} // namespace

int landlock_version() noexcept {
    static const long version = ::syscall(create_ruleset, nullptr, std::size_t{0}, ask_version);
    return version >= 2 ? static_cast<int>(version) : 0;
}

posix::Result<Ruleset> Ruleset::make(const Reach& reach) {
    const int version = landlock_version();
    if (version == 0) return std::error_code{ENOSYS, std::system_category()};
    RulesetAttribute handled{file_rights(version), 0, 0};
    if (version >= 4 && !reach.tcp) handled.tcp = all_tcp;
    if (version >= 6 && !reach.abstract_sockets) handled.scoped |= scope_abstract_sockets;
    if (version >= 6 && !reach.signals) handled.scoped |= scope_signals;
    posix::UniqueFd fd{static_cast<int>(::syscall(create_ruleset, &handled, sizeof handled, 0U))};
    if (!fd) return posix::last_error();
    for (const Allowed& one : reach.files)
        if (const std::error_code why = allow(fd.get(), one, handled.files)) return why;
    return Ruleset{std::move(fd)};
}

int Ruleset::enforce() const noexcept {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return ::syscall(restrict_self, fd_.get(), 0U) == 0 ? 0 : errno;
}

} // namespace buzon::sandbox
