#include "buzon/files/edit_file.h"

#include <sys/stat.h>

#include <array>
#include <thread>

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

TEST_CASE("edits of one file at the same time are all in it at the end") {
    const TempDirectory directory;
    const std::string path = directory.file("users", "ana:{PLAIN}a\n", 0600);
    const auto name_of = [](char who, int i) { return who + std::to_string(i); };
    constexpr int rounds = 20;
    std::array<int, 2> failed{};
    const auto edit_often = [&](char who, int& failures) {
        for (int i = 0; i < rounds; ++i)
            if (edit_users(path, {{name_of(who, i), auth::UserChange{"{PLAIN}x"}}})) ++failures;
    };
    std::thread other{[&] { edit_often('b', failed[1]); }};
    edit_often('a', failed[0]);
    other.join();
    CHECK(failed == std::array<int, 2>{});
    const std::string text = posix::read_file(path.c_str(), 100'000).value();
    CHECK(text.starts_with("ana:{PLAIN}a\n"));
    for (const char who : {'a', 'b'})
        for (int i = 0; i < rounds; ++i) CHECK(text.find("\n" + name_of(who, i) + ":{PLAIN}x\n") != text.npos);
}
