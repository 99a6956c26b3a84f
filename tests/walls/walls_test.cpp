// The reactor has no way to a disk, as the imports of its libraries show. The compiler makes sure that none of their
// files includes a header of the blocking half (src/compile_options.cmake).
#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"
#include "support/process.h"

namespace {

using Names = std::set<std::string, std::less<>>;

Names split(const std::string& text) {
    std::istringstream words{text};
    Names names;
    for (std::string word; words >> word;) names.insert(word);
    return names;
}

// Calls that wait for a disk or a file server, for another process, or for time to pass, and the functions of
// buzon::posix that make them.
const Names may_wait =
    split("open __open_2 openat __openat_2 openat2 creat fopen freopen stat lstat fstatat statx access "
          "faccessat euidaccess opendir fdopendir readdir getdents64 scandir nftw glob rename renameat "
          "renameat2 unlink unlinkat remove mkdir mkdirat mkfifo rmdir fsync fdatasync sync syncfs flock lockf "
          "link linkat symlink symlinkat readlink readlinkat realpath statfs fstatfs statvfs truncate "
          "ftruncate chmod fchmod fchmodat chown fchown fchownat utimensat inotify_add_watch getpwnam "
          "getpwnam_r getgrouplist getaddrinfo sleep usleep nanosleep waitpid waitid system popen "
          "posix::read_file posix::read_regular_file posix::replace_file");

// The folders that may use some of them all the same.
const std::map<std::string, Names> exceptions = {
    // The one place where the reactor touches a disk: only a local one, and only if the answer is in memory. Lock files
    // are opened by workers and during startup.
    {"local", {"access", "lstat", "mkdirat", "open", "openat", "stat"}},
    // Programs are inspected by workers and during startup (inspector), and run by hosts in their own processes (host).
    {"filter", {"faccessat", "getgrouplist", "getpwnam_r", "realpath", "stat", "waitpid"}},
    {"keeper", {"fchownat", "lstat", "open", "rmdir", "unlink"}}, // sockets of --mgmt-ip unix:, on the keeper's side
    {"serve", {"fstatfs"}},                                       // of an open, local file
    {"admin", {"fdopendir", "open", "readdir"}},                  // /proc/self
};

// The names of a library's undefined symbols.
std::vector<std::string> undefined(const std::string& library) {
    const auto listed =
        buzon::test::run(std::vector<std::string>{"/usr/bin/nm", "--undefined-only", "--demangle", library});
    REQUIRE(listed.code == 0);
    std::vector<std::string> names;
    std::istringstream lines{listed.out};
    for (std::string line; std::getline(lines, line);)
        if (const std::size_t at = line.find(" U "); at != std::string::npos) names.push_back(line.substr(at + 3));
    return names;
}

// The imports that are in may_wait, and the folders behind the wall that they name.
Names imports(const std::string& library) {
    Names found;
    for (std::string name : undefined(library)) {
        for (const char* behind : {"maildir", "files", "workers", "server"})
            if (name.find("buzon::" + std::string{behind} + "::") != std::string::npos) found.insert(behind);
        if (name.starts_with("buzon::posix::")) name = name.substr(7);
        name = name.substr(0, name.find_first_of("(@["));
        if (name.ends_with("64") && name != "getdents64") name.resize(name.size() - 2);
        if (may_wait.contains(name)) found.insert(name);
    }
    return found;
}

std::map<std::string, std::string> libraries() {
    std::map<std::string, std::string> all;
    std::istringstream words{BUZON_REACTOR};
    for (std::string word; std::getline(words, word, ',');) {
        const std::size_t at = word.find('=');
        all[word.substr(0, at)] = word.substr(at + 1);
    }
    return all;
}

} // namespace

TEST_CASE("the reactor's libraries import nothing that waits, and nothing from behind the wall") {
    const auto all = libraries();
    REQUIRE(all.size() >= 17);
    for (const auto& [room, library] : all) {
        INFO(room);
        const auto allowed = exceptions.find(room);
        Names beyond;
        for (const std::string& name : imports(library))
            if (allowed == exceptions.end() || !allowed->second.contains(name)) beyond.insert(name);
        CHECK(beyond == Names{});
    }
}

TEST_CASE("the client's terminal library imports no socket calls, but its talk library does") {
    const Names ways = split("socket connect getaddrinfo send sendto recv recvfrom");
    const auto used = [&](const std::string& library) {
        Names found;
        for (const std::string& name : undefined(library))
            if (ways.contains(name)) found.insert(name);
        return found;
    };
    CHECK(used(BUZON_TERMINAL) == Names{});
    CHECK(used(BUZON_TALK).contains("connect"));
}

TEST_CASE("the test of the walls detects calls that wait") {
    const Names found = imports(BUZON_MAILDIR);
    for (const char* name : {"openat", "renameat2", "fsync", "unlinkat"}) {
        INFO(name);
        CHECK(found.contains(name));
    }
    CHECK(imports(BUZON_WORKERS).contains("maildir"));
}
