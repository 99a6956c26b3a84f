#include "buzon/posix/mounts.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>

namespace buzon::posix {
namespace {

bool has_no_server(std::string_view type) noexcept {
    constexpr std::array<std::string_view, 13> types = {"ext4",     "ext3",    "ext2",    "xfs",    "btrfs",
                                                        "f2fs",     "overlay", "tmpfs",   "rootfs", "zfs",
                                                        "bcachefs", "ramfs",   "devtmpfs"};
    return std::find(types.begin(), types.end(), type) != types.end();
}

std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

template <class Number>
bool take_number(std::string_view& text, Number& number) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc{};
}

// White space and backslashes are escaped as a backslash and three octal digits.
std::string unescaped(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        unsigned value = 0;
        if (text.front() == '\\' && text.size() >= 4 &&
            std::from_chars(text.data() + 1, text.data() + 4, value, 8).ptr == text.data() + 4) {
            plain += static_cast<char>(value);
            text.remove_prefix(4);
        } else {
            plain += text.front();
            text.remove_prefix(1);
        }
    }
    return plain;
}

bool lies_below(std::string_view path, std::string_view directory) noexcept {
    if (directory == "/") return true;
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

} // namespace

Mounts::Mounts(const std::string& table) : table_{::open(table.c_str(), O_RDONLY | O_CLOEXEC)} {
    read();
}

FileSystem Mounts::of(std::string_view path) {
    pollfd changes{table_.get(), POLLPRI, 0};
    if (::poll(&changes, 1, 0) > 0 && (changes.revents & POLLPRI) != 0) read();
    const Mount* here = root();
    if (!here) return {};
    FileSystem found = here->system;
    while ((here = next(*here, path)) != nullptr) found = {here->system.number, found.local && here->system.local};
    return found;
}

FileSystem Mounts::of_directory(const std::string& directory, std::initializer_list<const char*> parts) {
    const UniqueFd open{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    std::array<char, PATH_MAX> room;
    const ssize_t length =
        ::readlink(("/proc/self/fd/" + std::to_string(open.get())).c_str(), room.data(), room.size());
    if (!open || length <= 0) return {};
    const std::string real{room.data(), static_cast<std::size_t>(length)};
    FileSystem found = of(real);
    found.local = found.local && of(directory).local;
    for (const char* const part : parts) found.local = found.local && of(real + part).local;
    return found;
}

void Mounts::read() {
    std::string text;
    std::array<char, 16 * 1024> piece;
    if (!table_ || ::lseek(table_.get(), 0, SEEK_SET) != 0) return;
    for (;;) {
        const ssize_t n = ::read(table_.get(), piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        text.append(piece.data(), static_cast<std::size_t>(n));
    }
    mounts_.clear();
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        Mount mount;
        if (parse(rest.substr(0, end), mount)) mounts_.push_back(std::move(mount));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

// "36 35 98:0 /root /mount/point options optional… - type source options" (proc(5)).
bool Mounts::parse(std::string_view line, Mount& mount) {
    std::string_view id = take_word(line);
    std::string_view parent = take_word(line);
    std::string_view device = take_word(line);
    unsigned major = 0;
    unsigned minor = 0;
    if (!take_number(id, mount.id) || !take_number(parent, mount.parent) || !take_number(device, major)) return false;
    device.remove_prefix(std::min<std::size_t>(device.size(), 1));
    if (!take_number(device, minor)) return false;
    static_cast<void>(take_word(line));
    mount.point = unescaped(take_word(line));
    const std::size_t separator = line.find(" - ");
    if (mount.point.empty() || separator == std::string_view::npos) return false;
    line.remove_prefix(separator + 3);
    mount.system = {makedev(major, minor), has_no_server(take_word(line))};
    return true;
}

// The file system on which all others are mounted.
const Mounts::Mount* Mounts::root() const noexcept {
    const auto found = std::find_if(mounts_.begin(), mounts_.end(), [this](const Mount& one) {
        const auto is_parent = [&one](const Mount& other) { return other.id == one.parent && &other != &one; };
        return one.point == "/" && std::none_of(mounts_.begin(), mounts_.end(), is_parent);
    });
    return found == mounts_.end() ? nullptr : &*found;
}

// The first mount that the path reaches.
const Mounts::Mount* Mounts::next(const Mount& from, std::string_view path) const noexcept {
    const Mount* first = nullptr;
    for (const Mount& one : mounts_) {
        if (one.parent != from.id || &one == &from || !lies_below(path, one.point)) continue;
        if (!first || one.point.size() < first->point.size()) first = &one;
    }
    return first;
}

} // namespace buzon::posix
