#include "buzon/posix/io.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon::posix;

TEST_CASE("reading a pipe gives would_block while it is empty, then its data, and the end once it is closed") {
    Result<Pipe> made = make_pipe(true);
    REQUIRE(made.ok());
    Pipe pipe = std::move(made).value();
    std::array<char, 8> room{};
    CHECK(read_some(pipe.read_end.get(), room).what == Moved::would_block);
    CHECK_FALSE(write_all(pipe.write_end.get(), "abc"));
    const Transfer got = read_some(pipe.read_end.get(), room);
    CHECK(got.what == Moved::some);
    CHECK(std::string_view(room.data(), got.bytes) == "abc");
    pipe.write_end.reset();
    CHECK(read_some(pipe.read_end.get(), room).what == Moved::end);
}

TEST_CASE("sending to a peer that is gone fails with EPIPE and raises no signal") {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    UniqueFd here{pair[0]};
    UniqueFd{pair[1]}.reset();
    const Transfer sent = send_some(here.get(), "x");
    CHECK(sent.what == Moved::failed);
    CHECK(sent.why.value() == EPIPE);
}

TEST_CASE("both ends of a pipe are closed on exec") {
    Pipe pipe = std::move(make_pipe(false)).value();
    CHECK((::fcntl(pipe.read_end.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(pipe.write_end.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a file is read completely or refused, and never truncated") {
    CHECK(read_file("/nonexistent/file", 10).error().value() == ENOENT);
    CHECK(read_file("/", 10).error().value() == EISDIR);
    CHECK(read_file("/proc/self/status", 4).error().value() == EFBIG);
    CHECK(read_file("/proc/self/status", 1 << 20).value().size() > 10);
}

TEST_CASE("read_regular_file() neither reads nor waits for anything but a regular file") {
    const buzon::test::TempDirectory directory;
    const std::string pipe = directory / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(read_regular_file(pipe.c_str(), 10).error().value() == EINVAL);
    CHECK(read_regular_file("/dev/zero", 10).error().value() == EINVAL);
    CHECK(read_regular_file("/", 10).error().value() == EISDIR);
    CHECK(read_regular_file((directory / "none").c_str(), 10).error().value() == ENOENT);
    CHECK(read_regular_file(directory.file("some", "four").c_str(), 4).value() == "four");
    CHECK(read_regular_file(directory.file("some", "four").c_str(), 3).error().value() == EFBIG);
}

TEST_CASE("content_of() reads all of a memory file, whatever its position, and gives nothing for an unreadable one") {
    const UniqueFd memory{::memfd_create("some", MFD_CLOEXEC)};
    CHECK(content_of(memory.get()).empty());
    const std::string text = std::string(300'000, 'x') + std::string("\0y", 2);
    REQUIRE(!write_all(memory.get(), text));
    for (int i = 0; i < 2; ++i) CHECK((content_of(memory.get()) == text));
    CHECK(content_of(-1).empty());
    const UniqueFd place{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    CHECK(content_of(place.get()).empty());
}
