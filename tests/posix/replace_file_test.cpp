// posix/replace_file_test.cpp - a saved file has the old content or the new, and its mode, whatever goes wrong.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "buzon/posix/io.h"
#include "buzon/posix/replace_file.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using buzon::test::TempDirectory;
using posix::replace_file;

namespace {

std::string content_of(const std::string& path) {
    return posix::read_file(path.c_str(), 1 << 24).value();
}

mode_t mode_of(const std::string& path) {
    struct stat about {};
    REQUIRE(::stat(path.c_str(), &about) == 0);
    return about.st_mode & 07777;
}

std::size_t entries_of(const TempDirectory& directory) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{directory.path()}) count += !entry.path().empty();
    return count;
}

} // namespace

TEST_CASE("replacing a file keeps its mode and leaves no other file") {
    const TempDirectory directory;
    const std::string path = directory.file("one", "old\n", 0640);
    CHECK(!replace_file(path, "new\n", "t"));
    CHECK(content_of(path) == "new\n");
    CHECK(mode_of(path) == 0640);
    CHECK(!replace_file(directory / "two", "fresh", "t"));
    CHECK(mode_of(directory / "two") == 0600);
    CHECK(entries_of(directory) == 2);
}

TEST_CASE("replacing through a symbolic link keeps the link and replaces its target") {
    const TempDirectory directory;
    const std::string path = directory.file("real", "old", 0600);
    const std::string link = directory / "link";
    std::filesystem::create_symlink("real", link);
    CHECK(!replace_file(link, "new", "t"));
    CHECK(std::filesystem::is_symlink(link));
    CHECK(content_of(path) == "new");
}

TEST_CASE("a link left at the temporary name is no obstacle and is never followed") {
    const TempDirectory directory;
    const std::string path = directory.file("one", "old", 0600);
    const std::string victim = directory.file("victim", "precious", 0600);
    std::filesystem::create_symlink(victim, path + ".t");
    CHECK(!replace_file(path, "new", "t"));
    CHECK(content_of(path) == "new");
    CHECK(content_of(victim) == "precious");
    CHECK(entries_of(directory) == 2);
}

TEST_CASE("if there is no room, the old content stays whole and no other file is left") {
    const TempDirectory directory;
    const std::string path = directory.file("one", "old", 0600);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit little{4096, 4096};
        ::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &little);
        ::_exit(replace_file(path, std::string(10000, 'x'), "t") ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(content_of(path) == "old");
    CHECK(entries_of(directory) == 1);
}

TEST_CASE("a writer killed at any moment leaves the old or the new content whole, and the next one succeeds") {
    const TempDirectory directory;
    const std::string one(200'000, '1'), two(100'000, '2');
    const std::string path = directory.file("one", one, 0600);
    for (int round = 0; round < 20; ++round) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            for (;;) (void)(replace_file(path, two, "t") || replace_file(path, one, "t"));
        }
        ::usleep(static_cast<useconds_t>(1000 + round * 777));
        ::kill(child, SIGKILL);
        REQUIRE(::waitpid(child, nullptr, 0) == child);
        const std::string now = content_of(path);
        CHECK((now == one || now == two));
    }
    CHECK(!replace_file(path, one, "t"));
    CHECK(content_of(path) == one);
    CHECK(entries_of(directory) == 1);
}

TEST_CASE("replacing fails in a missing directory and for a directory") {
    const TempDirectory directory;
    CHECK(replace_file(directory / "missing/one", "x", "t") == std::errc::no_such_file_or_directory);
    CHECK(replace_file(directory.path().string(), "x", "t") == std::errc::invalid_argument);
}
