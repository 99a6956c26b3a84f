// support/hostile.h - what the owner of a Maildir can put in the place of a file or folder: everything that a server
// must not take for its own, each once.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace buzon::test {

// Something to put at a path where there is nothing.
struct Thing {
    std::string name;
    std::function<void(const std::filesystem::path&)> put;
};

// For a file: a link to `victim`, one to nothing, a second name of `victim`, a FIFO, a socket, a directory; as root
// also a file that belongs to another user.
[[nodiscard]] std::vector<Thing> false_files(const std::filesystem::path& victim);
// For a folder: a link to `victim` (a directory), one to nothing, a file, a FIFO.
[[nodiscard]] std::vector<Thing> false_folders(const std::filesystem::path& victim);

// Names that lead out of a folder, or nowhere.
[[nodiscard]] std::vector<std::string> false_names();

} // namespace buzon::test
