#include "buzon/files/edit_file.h"

#include <sys/stat.h>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace buzon::files;
using buzon::test::TempDirectory;

TEST_CASE("a missing file and a FIFO are not edited") {
    const TempDirectory directory;
    CHECK(edit_config(directory / "none", {{"a", {"b"}}}) == std::errc::no_such_file_or_directory);
    REQUIRE(::mkfifo((directory / "pipe").c_str(), 0600) == 0); // must not wait for a writer
    CHECK(edit_config(directory / "pipe", {{"a", {"b"}}}) == std::errc::invalid_argument);
}

TEST_CASE("edits that change nothing do not touch the file") {
    const TempDirectory directory;
    const std::string path = directory.file("users", "ana:{PLAIN}a\n", 0600);
    struct stat before {};
    REQUIRE(::stat(path.c_str(), &before) == 0);
    CHECK(!edit_users(path, {{"bea", {}}, {"ana", auth::UserChange{"{PLAIN}a"}}}));
    struct stat after {};
    REQUIRE(::stat(path.c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK(!edit_users(path, {{"ana", {}}, {"bea", auth::UserChange{"{PLAIN}b"}}}));
    CHECK(posix::read_file(path.c_str(), 100).value() == "bea:{PLAIN}b\n");
}
