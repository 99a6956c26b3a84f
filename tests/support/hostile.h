// support/hostile.h - what the owner of a Maildir can put in place of a file or folder: one of each thing that a server
// must not mistake for its own.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace buzon::test {

// Something to create at a path where nothing exists.
struct Thing {
    std::string name;
    std::function<void(const std::filesystem::path&)> put;
};

// In place of a file: a symbolic link to `victim`, a dangling one, a hard link to `victim`, a FIFO, a socket, a
// directory; as root also another user's file.
[[nodiscard]] std::vector<Thing> false_files(const std::filesystem::path& victim);
// In place of a folder: a symbolic link to `victim` (a directory), a dangling one, a file, a FIFO.
[[nodiscard]] std::vector<Thing> false_folders(const std::filesystem::path& victim);

// In place of a message: false_files() except the hard link and another user's file; as root also a device. odd_names()
// are message names of maximum length, or with content that no listing may show.
[[nodiscard]] std::vector<Thing> false_messages(const std::filesystem::path& victim);
[[nodiscard]] std::vector<std::string> odd_names();

// Swaps a folder with a link to the victim's over and over until destroyed; then the folder is back in its place.
class Swapper {
public:
    Swapper(std::filesystem::path folder, const std::filesystem::path& victim);
    ~Swapper();
    Swapper(const Swapper&) = delete;
    Swapper& operator=(const Swapper&) = delete;
    [[nodiscard]] unsigned long exchanges() const noexcept { return exchanges_; }

private:
    std::filesystem::path folder_, link_;
    std::atomic<bool> ends_{false};
    std::atomic<unsigned long> exchanges_{0};
    std::thread thread_;
};

// Names that lead out of a folder, or that no message can have.
[[nodiscard]] std::vector<std::string> false_names();

} // namespace buzon::test
