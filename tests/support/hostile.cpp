// support/hostile.cpp
#include "support/hostile.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace buzon::test {
namespace {

void must(int result, const std::filesystem::path& what) {
    if (result != 0) throw std::runtime_error("cannot make " + what.string());
}

// Bound by a short name: an address has little room, and a test's directory may be deep.
void make_socket(const std::filesystem::path& path) {
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(path.parent_path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.filename().string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const void* const any = &address;
    const int bound = ::bind(made, static_cast<const sockaddr*>(any), sizeof address);
    ::close(made);
    std::filesystem::current_path(before);
    must(bound, path);
}

Thing link_to(const std::filesystem::path& victim) {
    return {"a symbolic link", [victim](const auto& path) { std::filesystem::create_symlink(victim, path); }};
}

Thing link_to_nothing(const std::filesystem::path& victim) {
    return {"a symbolic link to nothing",
            [victim](const auto& path) { std::filesystem::create_symlink(victim.string() + ".missing", path); }};
}

Thing fifo() {
    return {"a FIFO", [](const auto& path) { must(::mkfifo(path.c_str(), 0600), path); }};
}

} // namespace

std::vector<Thing> false_files(const std::filesystem::path& victim) {
    std::vector<Thing> all{
        link_to(victim),
        link_to_nothing(victim),
        {"a second name", [victim](const auto& path) { std::filesystem::create_hard_link(victim, path); }},
        fifo(),
        {"a socket", make_socket},
        {"a directory", [](const auto& path) { std::filesystem::create_directory(path); }},
    };
    if (::geteuid() == 0)
        all.push_back({"another user's file", [victim](const auto& path) {
                           std::filesystem::copy_file(victim, path);
                           must(::chown(path.c_str(), 4711, 4711), path);
                       }});
    return all;
}

std::vector<Thing> false_folders(const std::filesystem::path& victim) {
    return {
        link_to(victim),
        link_to_nothing(victim),
        {"a file", [](const auto& path) { std::ofstream{path} << "x\n"; }},
        fifo(),
    };
}

std::vector<std::string> false_names() {
    return {"..",
            ".",
            "../victim",
            "../../victim",
            "/etc/passwd",
            "a/../../victim",
            "cur/../../x",
            "",
            std::string("a\0b", 3),
            ".dot",
            std::string(256, 'x')};
}

} // namespace buzon::test
