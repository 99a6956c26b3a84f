// support/hostile.cpp
#include "support/hostile.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace buzon::test {
namespace {

void must(int result, const std::filesystem::path& what) {
    if (result != 0) throw std::runtime_error("cannot make " + what.string());
}

// Binds a relative name: a socket address has little room, and a test's directory may be deep.
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

std::vector<Thing> false_messages(const std::filesystem::path& victim) {
    std::vector<Thing> all = false_files(victim);
    // A hard link is a message like any other: whoever reads it needs permission for the file (docs/security.md).
    std::erase_if(all,
                  [](const Thing& one) { return one.name == "a second name" || one.name == "another user's file"; });
    if (::geteuid() == 0)
        all.push_back({"a device", [](const auto& path) {
                           constexpr unsigned zero = 0x105; // /dev/zero, which never ends
                           must(::mknod(path.c_str(), S_IFCHR | 0666, zero), path);
                       }});
    return all;
}

std::vector<std::string> odd_names() {
    return {std::string(255, 'x'),
            std::string(250, 'y') + ":2,S",
            "1700000001.M1.h:2,\r\n+OK",
            "1700000001.M2.h\n.\r\n",
            "\xff\xfe\x80",
            " ",
            "%s%n%d",
            "-rf",
            "*",
            "~",
            ":2,",
            ":2,T",
            "a:2,S:2,R"};
}

Swapper::Swapper(std::filesystem::path folder, const std::filesystem::path& victim)
    : folder_{std::move(folder)}, link_{folder_.string() + ".aside"} {
    std::filesystem::create_directory_symlink(victim, link_);
    thread_ = std::thread{[this] {
        while (!ends_)
            if (::renameat2(AT_FDCWD, folder_.c_str(), AT_FDCWD, link_.c_str(), RENAME_EXCHANGE) == 0) ++exchanges_;
    }};
}

Swapper::~Swapper() {
    ends_ = true;
    thread_.join();
    if (exchanges_ % 2 != 0) ::renameat2(AT_FDCWD, folder_.c_str(), AT_FDCWD, link_.c_str(), RENAME_EXCHANGE);
    std::filesystem::remove(link_);
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
