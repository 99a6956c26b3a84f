#include "buzon/posix/bundle.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "buzon/posix/io.h"
#include "support/catch.h"

using namespace buzon::posix;

TEST_CASE("many descriptors are passed as one and arrive in order") {
    Pipe pipe = make_pipe(false).value();
    std::vector<UniqueFd> files;
    std::vector<int> numbers;
    for (int i = 0; i < 33; ++i) {
        files.emplace_back(::open(i % 2 ? "/dev/null" : "/proc/self/stat", O_RDONLY | O_CLOEXEC));
        numbers.push_back(files.back().get());
    }
    numbers.push_back(pipe.write_end.get());
    const UniqueFd one = std::move(bundle(numbers)).value();
    files.clear();
    pipe.write_end.reset();
    std::vector<UniqueFd> received = std::move(unbundle(one.get())).value();
    REQUIRE(received.size() == 34);
    CHECK((::fcntl(received.front().get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_FALSE(write_all(received.back().get(), "x"));
    char octet = 0;
    CHECK(read_some(pipe.read_end.get(), {&octet, 1}).bytes == 1);
    CHECK_FALSE(unbundle(one.get())); // works only once
    CHECK_FALSE(bundle({}));
}

TEST_CASE("unbundling more descriptors than the process may open fails and leaves nothing open") {
    std::vector<int> numbers(40, STDIN_FILENO);
    const UniqueFd one = std::move(bundle(numbers)).value();
    const UniqueFd highest{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)};
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(highest.get()) + 10;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    const std::error_code why = unbundle(one.get()).error();
    const UniqueFd next{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(why.value() == EMFILE);
    CHECK(next.get() == highest.get() + 1);
}
