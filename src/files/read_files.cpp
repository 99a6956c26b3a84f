#include "buzon/files/read_files.h"

#include <sysexits.h>

#include <cstdint>

#include "buzon/config/options.h"
#include "buzon/posix/io.h"

namespace buzon::files {
namespace {

constexpr std::size_t longest_config = 1 << 20;
// Less than the time that a changed file is given to settle (config/file_watch.cpp).
constexpr std::int64_t writing_ns = 150'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

} // namespace

std::string read_named_file(const std::string& path, std::size_t limit) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0 && S_ISFIFO(about.st_mode))
        throw config::StartError(EX_NOINPUT, path, "is a FIFO, not a file");
    auto text = posix::read_file(path.c_str(), limit);
    if (!text) throw config::StartError(config::exit_code_for(text.error()), path, text.error().message());
    return std::move(text).value();
}

bool may_be_half_written(const struct stat& about, const timespec& now) noexcept {
    const std::int64_t age = (now.tv_sec - about.st_mtim.tv_sec) * second_ns + now.tv_nsec - about.st_mtim.tv_nsec;
    const bool whole_seconds = about.st_mtim.tv_nsec == 0; // the resolution of that file system
    return age >= 0 && age < writing_ns + (whole_seconds ? second_ns : 0);
}

std::string read_config_file(const std::string& path) {
    return read_named_file(path, longest_config);
}

std::string read_config_without_secrets(const std::string& path) {
    std::string text = read_config_file(path);
    config::hide_secrets(text);
    return text;
}

} // namespace buzon::files
