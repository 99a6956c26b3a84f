#include "buzon/files/read_files.h"

#include <sys/stat.h>
#include <sysexits.h>

#include "buzon/config/options.h"
#include "buzon/posix/io.h"

namespace buzon::files {
namespace {

constexpr std::size_t longest_config = 1 << 20;

} // namespace

std::string read_named_file(const std::string& path, std::size_t limit) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0 && S_ISFIFO(about.st_mode))
        throw config::StartError(EX_NOINPUT, path, "is a FIFO, not a file");
    auto text = posix::read_file(path.c_str(), limit);
    if (!text) throw config::StartError(config::exit_code_for(text.error()), path, text.error().message());
    return std::move(text).value();
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
