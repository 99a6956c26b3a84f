#include "buzon/posix/ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/seccomp.h"
#include "support/temp_directory.h"

using namespace buzon::posix;

namespace {

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

std::vector<int> performed(Ring& ring) {
    const std::span<const int> results = ring.perform();
    return {results.begin(), results.end()};
}

// A ring; none only if the kernel does not grant one.
std::optional<Ring> ring_of(unsigned max_batch) {
    std::optional<Ring> ring = Ring::make(max_batch);
    if (!ring) {
        const int saved = errno;
        CAPTURE(saved);
        CHECK((saved == ENOSYS || saved == EPERM || saved == EACCES || saved == ENOMEM));
        WARN("no io_uring here: what needs one was not tested");
    }
    return ring;
}

// The exit code of a child that only does `work`: 0 if all went well, -1 if a signal killed it.
template <class Work>
int exit_code_of_child(Work work) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(work());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

TEST_CASE("a ring opens, reads and closes like the system calls, in submission order, any number of times") {
    std::optional<Ring> ring = ring_of(8);
    if (!ring) return;
    const buzon::test::TempDirectory directory;
    for (int i = 0; i < 8; ++i)
        std::ofstream{directory / std::to_string(i)}
            << std::string(static_cast<std::size_t>(i) * 1000, static_cast<char>('a' + i));
    const UniqueFd root{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    REQUIRE(root);
    CHECK(performed(*ring).empty()); // nothing queued, nothing to wait for
    const std::size_t before = open_descriptors();
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> names;
        for (int i = 0; i < 8; ++i) names.push_back(std::to_string(i));
        for (const std::string& name : names) ring->open(root.get(), name.c_str(), O_RDONLY | O_CLOEXEC);
        const std::vector<int> files = performed(*ring);
        REQUIRE(files.size() == 8);
        std::vector<std::string> rooms(8, std::string(7500, '?'));
        for (std::size_t i = 0; i < 8; ++i) {
            REQUIRE(files[i] >= 0);
            CHECK((::fcntl(files[i], F_GETFD) & FD_CLOEXEC) != 0);
            ring->read(files[i], rooms[i]);
        }
        const std::vector<int> octets = performed(*ring);
        for (std::size_t i = 0; i < 8; ++i) {
            CHECK(octets[i] == static_cast<int>(i) * 1000);
            CHECK(rooms[i] == std::string(i * 1000, static_cast<char>('a' + i)) + std::string(7500 - i * 1000, '?'));
        }
        for (const int file : files) ring->close(file);
        for (const int result : performed(*ring)) CHECK(result == 0);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("each call in a ring has its own error, the same as the system call's") {
    std::optional<Ring> ring = ring_of(8);
    if (!ring) return;
    const buzon::test::TempDirectory directory;
    std::ofstream{directory / "file"} << "12345";
    std::filesystem::create_symlink("file", directory / "link");
    const UniqueFd root{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    ring->open(root.get(), "missing", O_RDONLY | O_CLOEXEC);
    ring->open(root.get(), "file", O_RDONLY | O_CLOEXEC);
    ring->open(root.get(), "link", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ring->open(9999, "file", O_RDONLY | O_CLOEXEC);
    const std::vector<int> opened = performed(*ring);
    REQUIRE(opened.size() == 4);
    const UniqueFd file{opened[1]};
    CHECK(opened[0] == -ENOENT);
    REQUIRE(file);
    CHECK(opened[2] == -ELOOP);
    CHECK(opened[3] == -EBADF);
    std::array<char, 10> room{};
    ring->read(root.get(), room);
    ring->read(file.get(), std::span{room}.first(3));
    ring->close(9999);
    CHECK(performed(*ring) == std::vector<int>{-EISDIR, 3, -EBADF});
}

TEST_CASE("if the kernel refuses a ring there is none, and if it refuses to enter it, all calls are cancelled") {
    CHECK(exit_code_of_child([] {
              if (!buzon::test::deny(SYS_io_uring_setup, EPERM)) return 1;
              return Ring::make(8) ? 2 : 0;
          }) == 0);
    for (const int error : {EPERM, EAGAIN, EBUSY, ENOMEM}) {
        CAPTURE(error);
        CHECK(exit_code_of_child([error] {
                  std::optional<Ring> ring = Ring::make(8);
                  if (!ring) return 0; // the other tests warn about it
                  if (!buzon::test::deny(SYS_io_uring_enter, error)) return 1;
                  for (int round = 0; round < 3; ++round) {
                      for (int i = 0; i < 8; ++i) ring->open(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC);
                      if (performed(*ring) != std::vector<int>(8, -ECANCELED)) return 2;
                  }
                  return 0;
              }) == 0);
    }
}

TEST_CASE("if the kernel takes no calls but reports no error, all calls are cancelled") {
    CHECK(exit_code_of_child([] {
              std::optional<Ring> ring = Ring::make(8);
              if (!ring) return 0; // the other tests warn about it
              ::alarm(60);         // ends the child if the calls never return
              if (!buzon::test::deny(SYS_io_uring_enter, 0)) return 1;
              for (int round = 0; round < 3; ++round) {
                  for (int i = 0; i < 8; ++i) ring->open(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC);
                  if (performed(*ring) != std::vector<int>(8, -ECANCELED)) return 2;
              }
              return 0;
          }) == 0);
}

TEST_CASE("a ring refuses registrations that its restrictions do not allow") {
    std::optional<Ring> ring = ring_of(8);
    if (!ring) return;
    int number = -1;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry, gone) == "anon_inode:[io_uring]")
            number = std::stoi(entry.path().filename().string());
    }
    REQUIRE(number >= 0);
    // The kernel says EACCES to everything that the restrictions do not name.
    std::array<int, 1> files{0};
    CHECK(::syscall(SYS_io_uring_register, number, IORING_REGISTER_FILES, files.data(), 1) == -1);
    CHECK(errno == EACCES);
}
