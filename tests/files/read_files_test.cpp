#include "buzon/files/read_files.h"

#include "support/catch.h"

using buzon::files::may_be_half_written;

namespace {

struct stat changed_at(time_t seconds, long nanoseconds) {
    struct stat about {};
    about.st_mtim = {seconds, nanoseconds};
    return about;
}

} // namespace

TEST_CASE("a file that was changed a moment ago may be half written") {
    const timespec now{1'700'000'000, 500'000'000};
    CHECK(may_be_half_written(changed_at(1'700'000'000, 500'000'000), now));
    CHECK(may_be_half_written(changed_at(1'700'000'000, 350'000'001), now));
    CHECK_FALSE(may_be_half_written(changed_at(1'700'000'000, 350'000'000), now));
    CHECK_FALSE(may_be_half_written(changed_at(1'699'999'999, 600'000'000), now));
    // In the future, so by another machine's clock: there is no telling how long ago that is.
    CHECK_FALSE(may_be_half_written(changed_at(1'700'000'000, 500'000'001), now));
    // The file system stores whole seconds: the file was changed at some time within this one.
    CHECK(may_be_half_written(changed_at(1'700'000'000, 0), now));
    CHECK_FALSE(may_be_half_written(changed_at(1'699'999'999, 0), now));
    CHECK(may_be_half_written(changed_at(1'700'000'000, 0), {1'700'000'001, 149'999'999}));
    CHECK_FALSE(may_be_half_written(changed_at(1'700'000'000, 0), {1'700'000'001, 150'000'000}));
}
