// support/temp_directory.h - a temporary directory for one test, removed with its contents when the test ends.
#pragma once

#include <filesystem>
#include <string>

namespace buzon::test {

class TempDirectory {
public:
    TempDirectory();
    ~TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

    // Creates a file with these octets (and this mode, if given); returns its path.
    std::string file(const std::string& name, const std::string& content, unsigned mode = 0644) const;
    // Creates an executable script: "#!/bin/sh" and this text.
    std::string script(const std::string& name, const std::string& text) const;

private:
    std::filesystem::path path_;
};

} // namespace buzon::test
