#include "buzon/local/open_cached.h"
#include "buzon/maildir/open_message.h"

#include "maildir_fixture.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::local;
using namespace buzon::maildir;

namespace {

std::string read_all(const posix::Result<posix::UniqueFd>& file) {
    REQUIRE(file.error() == std::error_code{});
    char text[100];
    const ssize_t n = ::read(file.value().get(), text, sizeof text);
    REQUIRE(n >= 0);
    return {text, static_cast<std::size_t>(n)};
}

} // namespace

TEST_CASE("a message is opened where it was listed, or wherever another program has moved it") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "one");
    CHECK(read_all(open_message(maildir.path(), "1.a", true)) == "one");
    const std::uint64_t inode = maildir.inode("new/1.a");
    for (const char* place : {"cur/1.a:2,", "cur/1.a:2,FS", "new/1.a", "cur/1.a", "cur/1.a:1,odd"}) {
        for (const char* other : {"cur/1.a:2,", "cur/1.a:2,FS", "new/1.a", "cur/1.a", "cur/1.a:1,odd"})
            if (maildir.has(other)) maildir.rename(other, place);
        CHECK(read_all(open_message(maildir.path(), "1.a", true)) == "one");
        CHECK(read_all(open_message(maildir.path(), "1.a:2,T", false)) == "one");
        CHECK(read_all(open_message(maildir.path(), "1.a", true, inode)) == "one");
    }
}

TEST_CASE("opening a message that is gone gives ENOENT, even if other names begin alike") {
    const TestMaildir maildir;
    for (const char* name : {"cur/1.ab:2,S", "cur/1.:2,", "new/1", "new/11.a"}) maildir.put(name);
    CHECK(open_message(maildir.path(), "1.a", true).error().value() == ENOENT);
    CHECK(open_message(maildir.path() + "/no", "1.a", true).error().value() == ENOENT);
    std::filesystem::remove_all(maildir.file("new"));
    CHECK(open_message(maildir.path(), "1.a", true).error().value() == ENOENT);
}

TEST_CASE("another message with the same base name is not mistaken for one that is gone") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "gone");
    maildir.put("cur/1.a:2,S", "other");
    const std::uint64_t inode = maildir.inode("new/1.a");
    maildir.remove("new/1.a");
    CHECK(open_message(maildir.path(), "1.a", true, inode).error().value() == ENOENT);
    CHECK(read_all(open_message(maildir.path(), "1.a", true)) == "other");
}

TEST_CASE("two messages with the same base name are not mistaken for each other when their names change") {
    const TestMaildir maildir;
    maildir.put("cur/1.a:2,", "one");
    maildir.put("cur/1.a:2,S", "two");
    const std::uint64_t one = maildir.inode("cur/1.a:2,"), two = maildir.inode("cur/1.a:2,S");
    maildir.rename("cur/1.a:2,", "cur/1.a:2,F");
    maildir.rename("cur/1.a:2,S", "cur/1.a:2,");
    maildir.rename("cur/1.a:2,F", "cur/1.a:2,S");
    CHECK(read_all(open_message(maildir.path(), "1.a:2,", false, one)) == "one");
    CHECK(read_all(open_message(maildir.path(), "1.a:2,S", false, two)) == "two");
    maildir.remove("cur/1.a:2,S");
    CHECK(open_message(maildir.path(), "1.a:2,", false, one).error().value() == ENOENT);
    CHECK(read_all(open_message(maildir.path(), "1.a:2,S", false, two)) == "two");
}

TEST_CASE("several messages are found by one reading of the directories, and by another if they move again") {
    const TestMaildir maildir;
    for (const char* name : {"new/1.a", "new/2.b", "new/3.c"}) maildir.put(name, name);
    const auto opener = MessageOpener::of(maildir.path());
    REQUIRE(opener.ok());
    for (const char* base : {"1.a", "2.b", "3.c"})
        maildir.rename(std::string{"new/"} + base, std::string{"cur/"} + base + ":1,odd");
    CHECK(read_all(opener.value().open("1.a", true, 0)) == "new/1.a");
    maildir.rename("cur/2.b:1,odd", "cur/2.b:1,other");
    CHECK(read_all(opener.value().open("2.b", true, 0)) == "new/2.b");
    maildir.remove("cur/3.c:1,odd");
    CHECK(opener.value().open("3.c", true, 0).error().value() == ENOENT);
}

TEST_CASE("only regular files are opened as messages, and trying others does not hang") {
    const TestMaildir maildir;
    maildir.put("tmp/target", "secret");
    std::filesystem::create_symlink(maildir.file("tmp/target"), maildir.file("new/1.link"));
    std::filesystem::create_directory(maildir.file("new/2.directory"));
    REQUIRE(::mkfifo(maildir.file("new/3.fifo").c_str(), 0600) == 0);
    for (const char* name : {"1.link", "2.directory", "3.fifo"}) {
        CHECK(open_message(maildir.path(), name, true).error().value() == ENOENT);
        const auto cached = open_cached(maildir.path(), name, true);
        // It may open something that is not a regular file, but not follow a link: the caller checks what it opened.
        struct stat about {};
        if (cached) CHECK((::fstat(cached.value().get(), &about) == 0 && !S_ISREG(about.st_mode)));
    }
}

TEST_CASE("a cached open returns the message or says that a worker is needed") {
    const TestMaildir maildir;
    maildir.put("new/1.a", "one");
    const auto cached = open_cached(maildir.path(), "1.a", true);
    if (cached)
        CHECK(read_all(cached) == "one"); // an old kernel, or a file system that cannot tell, may always refuse
    else
        CHECK(cached.error().value() == EAGAIN);
    CHECK(open_cached(maildir.path(), "2.missing", true).error().value() == EAGAIN);
    maildir.rename("new/1.a", "cur/1.a:2,S");
    CHECK(open_cached(maildir.path(), "1.a", true).error().value() == EAGAIN);
}

TEST_CASE("an opened message is close-on-exec and read-only") {
    const TestMaildir maildir;
    maildir.put("new/1.a");
    const auto file = open_message(maildir.path(), "1.a", true);
    REQUIRE(file.ok());
    CHECK((::fcntl(file.value().get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(file.value().get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
}
