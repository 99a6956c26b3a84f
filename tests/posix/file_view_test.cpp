#include "buzon/posix/file_view.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon::posix;

namespace {

struct File {
    explicit File(std::size_t octets) {
        REQUIRE(fd);
        REQUIRE_FALSE(write_all(fd.get(), std::string(octets, 'x')));
        REQUIRE(::fstat(fd.get(), &about) == 0);
    }
    // Drops the file from memory if the kernel complies: never on tmpfs, and perhaps not at once.
    [[nodiscard]] bool thrown_out() const {
        return ::fsync(fd.get()) == 0 && ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0;
    }

    buzon::test::TempDirectory directory;
    UniqueFd fd{::open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    struct stat about {};
};

} // namespace

TEST_CASE("every part of a file that was just written is in memory") {
    const File file{3'000'001};
    const FileView view{file.fd.get(), file.about};
    REQUIRE(view.known());
    CHECK(view.in_memory(0, 3'000'001));
    CHECK(view.in_memory(0, 1));
    CHECK(view.in_memory(3'000'000, 1));
    CHECK(view.in_memory(4095, 2));
    CHECK(view.in_memory(1'048'575, 1'048'578));
    CHECK(view.in_memory(2'999'999, 1'000'000)); // what lies beyond the end is ignored
    CHECK_FALSE(view.in_memory(3'000'001, 1));
}

TEST_CASE("dropped pages are not in memory, and one that is read back is") {
    const File file{1'000'000};
    const FileView view{file.fd.get(), file.about};
    REQUIRE(file.thrown_out());
    if (view.in_memory(0, 1'000'000)) return; // tmpfs: its pages cannot be dropped
    char octet = 0;
    REQUIRE(::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_RANDOM) == 0); // no read-ahead
    REQUIRE(::pread(file.fd.get(), &octet, 1, 500'000) == 1);
    CHECK(view.in_memory(500'000, 1));
    CHECK_FALSE(view.in_memory(0, 1'000'000));
}

TEST_CASE("a view of an empty file is not known, and views can be moved") {
    const File empty{0};
    CHECK_FALSE(FileView(empty.fd.get(), empty.about).known());
    CHECK_FALSE(FileView{}.in_memory(0, 1));
    const File file{5000};
    FileView view{file.fd.get(), file.about};
    FileView other{std::move(view)};
    CHECK(other.in_memory(0, 5000));
    view = std::move(other);
    CHECK(view.in_memory(0, 5000));
}

TEST_CASE("send_file() sends until the socket is full, and reports the end of the file") {
    const File file{10'000'000};
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd ours{ends[0]};
    UniqueFd theirs{ends[1]};
    const Transfer some = send_file(ours.get(), file.fd.get(), 0, 10'000'000);
    REQUIRE(some.what == Moved::some);
    CHECK(some.bytes < 10'000'000);
    CHECK(send_file(ours.get(), file.fd.get(), some.bytes, 10'000'000).what == Moved::would_block);
    std::array<char, 65536> room{};
    std::size_t got = 0;
    for (Transfer part = read_some(theirs.get(), room); part.what == Moved::some; part = read_some(theirs.get(), room))
        got += part.bytes;
    CHECK(got == some.bytes);
    CHECK(send_file(ours.get(), file.fd.get(), 9'999'999, 100).bytes == 1);
    CHECK(send_file(ours.get(), file.fd.get(), 10'000'000, 100).what == Moved::end);
}
