#include "buzon/files/arguments.h"

#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include <string_view>

#include "buzon/files/read_files.h"
#include "buzon/posix/io.h"
#include "buzon/posix/secret_text.h"

namespace buzon::files {

posix::UniqueFd keep_arguments(std::span<const std::string> words) {
    posix::UniqueFd memory{::memfd_create("buzon-arguments", MFD_CLOEXEC)};
    std::error_code why = memory ? std::error_code{} : posix::last_error();
    for (const std::string& word : words)
        if (!why) why = posix::write_all(memory.get(), std::string_view{word.c_str(), word.size() + 1});
    if (why) throw config::StartError(EX_OSERR, "command line", why.message());
    return memory;
}

std::vector<std::string> read_arguments(int memory) {
    std::vector<std::string> words;
    std::string text = posix::content_of(memory);
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(words.back().size() + 1))
        words.emplace_back(rest.substr(0, rest.find('\0')));
    posix::wipe(text);
    return words;
}

config::Options read_options(int memory) {
    const std::vector<std::string> words = read_arguments(memory);
    const std::vector<std::string_view> views{words.begin(), words.end()};
    return config::parse_options(views, read_config_file);
}

} // namespace buzon::files
