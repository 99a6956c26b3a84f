// support/temp_directory.cpp
#include "support/temp_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <system_error>

#include "buzon/posix/io.h"

namespace buzon::test {

TempDirectory::TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "buzon-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::system_error(errno, std::system_category(), name);
    path_ = name;
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TempDirectory::file(const std::string& name, const std::string& content, unsigned mode) const {
    const std::string path = *this / name;
    const posix::UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!fd) throw std::system_error(errno, std::system_category(), path);
    if (const std::error_code why = posix::write_all(fd.get(), content)) throw std::system_error(why, path);
    ::fchmod(fd.get(), mode);
    return path;
}

std::string TempDirectory::script(const std::string& name, const std::string& text) const {
    return file(name, "#!/bin/sh\n" + text + "\n", 0755);
}

} // namespace buzon::test
