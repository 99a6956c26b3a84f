#include "buzon/admin/own_usage.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/process.h"

using namespace buzon;

TEST_CASE("a process's memory and open descriptors match what the kernel reports") {
    const admin::OwnUsage usage;
    const state::Count before = usage.open_descriptors();
    std::vector<posix::UniqueFd> more;
    for (int i = 0; i < 5; ++i) more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(usage.open_descriptors() == before + 5);
    // OwnUsage leaves out the directory that it reads. The test counts it, and the one that it reads itself.
    CHECK(usage.open_descriptors() + 2 == test::descriptors_of(::getpid()));
    const state::Count kilobytes = test::kilobytes_of(::getpid(), "VmRSS");
    CHECK(usage.resident_octets() / 1024 >= kilobytes / 2);
    CHECK(usage.resident_octets() / 1024 <= kilobytes * 2);
}

TEST_CASE("if the kernel reports nothing about a process, its descriptors and memory are zero") {
    auto pipe = posix::make_pipe(false);
    REQUIRE(pipe);
    const pid_t first = ::fork();
    REQUIRE(first >= 0);
    if (first == 0) {
        const admin::OwnUsage usage;
        const pid_t owner = ::getpid();
        if (::fork() != 0) ::_exit(0);
        // The files in /proc that it has opened belong to a process that is gone.
        const bool gone = test::eventually([&] { return ::getppid() != owner && test::state_of(owner) == 0; });
        const char result = gone && usage.open_descriptors() == 0 && usage.resident_octets() == 0 ? 'y' : 'n';
        (void)!::write(pipe.value().write_end.get(), &result, 1);
        ::_exit(0);
    }
    REQUIRE(::waitpid(first, nullptr, 0) == first);
    char result = 0;
    REQUIRE(::read(pipe.value().read_end.get(), &result, 1) == 1);
    CHECK(result == 'y');
}
