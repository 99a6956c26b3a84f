#include "history_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::client {
namespace {

constexpr std::size_t kept_lines = 500;
constexpr std::size_t most_octets = std::size_t{4} << 20;

posix::UniqueFd open_ours(const std::string& path, int flags) {
    posix::UniqueFd file{::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != ::geteuid()) return {};
    return file;
}

// The end of a file that has become too long, from the beginning of a line.
std::string read_newest(int file) {
    const off_t size = ::lseek(file, 0, SEEK_END);
    const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(most_octets));
    if (size < 0 || ::lseek(file, begin, SEEK_SET) < 0) return {};
    std::string text;
    std::array<char, 16 * 1024> piece;
    while (text.size() < most_octets) {
        const posix::Transfer got = posix::read_some(file, piece);
        if (got.what != posix::Moved::some) break;
        text.append(piece.data(), got.bytes);
    }
    if (begin > 0) text.erase(0, text.find('\n') + 1);
    return text;
}

} // namespace

std::string history_path() {
    if (const char* const given = std::getenv("BUZON_HISTORY")) return given;
    const char* const home = std::getenv("HOME");
    return home == nullptr || *home == '\0' ? std::string{} : std::string{home} + "/.buzonctl_history";
}

std::vector<std::string> read_history(const std::string& path) {
    std::vector<std::string> lines;
    const posix::UniqueFd file = path.empty() ? posix::UniqueFd{} : open_ours(path, O_RDWR);
    if (!file) return lines;
    const std::string text = read_newest(file.get());
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        if (end > begin) lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    if (lines.size() <= kept_lines) return lines;
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kept_lines));
    std::string kept;
    for (const std::string& line : lines) kept += line + '\n';
    if (::ftruncate(file.get(), 0) == 0 && ::lseek(file.get(), 0, SEEK_SET) == 0)
        static_cast<void>(posix::write_all(file.get(), kept));
    return lines;
}

void append_history(const std::string& path, std::string_view line) {
    if (path.empty() || line.empty()) return;
    const posix::UniqueFd file = open_ours(path, O_WRONLY | O_APPEND | O_CREAT);
    if (!file || ::fchmod(file.get(), 0600) != 0) return;
    static_cast<void>(posix::write_all(file.get(), std::string{line} + '\n'));
}

} // namespace buzon::client
