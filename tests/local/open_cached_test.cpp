#include "buzon/local/open_cached.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "support/catch.h"
#include "support/mail.h"
#include "support/seccomp.h"
#include "support/temp_directory.h"

using namespace buzon;

namespace {

// The result in a child process in which openat2(2) fails with this error.
bool can_where_it_fails(int error) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(test::deny(SYS_openat2, error) && local::can_open_cached() ? 1 : 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status) == 1;
}

} // namespace

TEST_CASE("the reactor opens no messages if the kernel lacks openat2(2) or a filter refuses it") {
    CHECK_FALSE(can_where_it_fails(ENOSYS));
    CHECK_FALSE(can_where_it_fails(EPERM));
    CHECK_FALSE(can_where_it_fails(EINVAL)); // an older kernel, which has the call but not the flag
    CHECK(can_where_it_fails(EAGAIN));
    CHECK(can_where_it_fails(EMFILE));
}

TEST_CASE("a message that is in memory is opened at once if the kernel can, and a missing one is left to a worker") {
    const test::TempDirectory directory;
    const test::Maildir maildir{directory.path()};
    (void)maildir.deliver("1700000001.M1P1.h", "x\n");
    const auto opened = local::open_cached(directory.path(), "1700000001.M1P1.h", true);
    CHECK(opened.ok() == local::can_open_cached());
    CHECK(local::open_cached(directory.path(), "1700000002.M1P1.h", true).error().value() == EAGAIN);
}
