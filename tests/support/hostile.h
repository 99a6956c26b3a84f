// support/hostile.h - what the owner of a Maildir can put in the place of a file or folder: everything that a server
// must not take for its own, each once.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
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

// For a message, beside false_files(): as root also a device. Names of messages that are as long as names can be, or
// hold what no listing may show.
[[nodiscard]] std::vector<Thing> false_messages(const std::filesystem::path& victim);
[[nodiscard]] std::vector<std::string> odd_names();

// Exchanges a folder with a link to the victim's, over and over, until it is destroyed: then the folder is in its
// place.
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

// Names that lead out of a folder, or nowhere.
[[nodiscard]] std::vector<std::string> false_names();

} // namespace buzon::test
