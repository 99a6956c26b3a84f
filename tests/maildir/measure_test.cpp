// Measuring the messages of a Maildir with io_uring and without gives the same numbers, whatever the folders contain.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "../../src/maildir/found.h"
#include "maildir_fixture.h"
#include "support/catch.h"
#include "support/seccomp.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::maildir;

namespace {

struct Opened {
    posix::UniqueFd root;
    MaildirListing listing;
    std::vector<Found> files;

    explicit Opened(const TestMaildir& maildir)
        : root{::open(maildir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)} {
        auto listed = list_maildir(root.get());
        REQUIRE(listed.ok());
        listing = std::move(listed).value();
        for (const bool in_new : {true, false}) {
            for (const Listing::Name& name :
                 listing.folder(in_new).all) { // everything, including what a scan would not ask for
                Found& file = files.emplace_back();
                file.file_name = listing.folder(in_new).view(name);
                file.base_size = static_cast<std::uint16_t>(file.file_name.size());
                file.in_new = in_new;
                file.inode = name.inode;
            }
        }
    }
};

void check_same(const std::vector<Found>& some, const std::vector<Found>& others) {
    REQUIRE(some.size() == others.size());
    for (std::size_t i = 0; i < some.size(); ++i) {
        const Found &a = some[i], &b = others[i];
        INFO(a.file_name);
        CHECK(a.file_name == b.file_name);
        CHECK(a.octets == b.octets);
        CHECK(a.stored_size == b.stored_size);
        CHECK(a.inode == b.inode);
        CHECK(a.mtime_ns == b.mtime_ns);
        CHECK(a.wire_form == b.wire_form);
        CHECK(a.measured == b.measured);
        CHECK(a.gone == b.gone);
    }
}

// Sizes around those of all read buffers, each file with different content.
void put_nasty(const TestMaildir& maildir) {
    std::mt19937 random{1};
    int number = 100;
    for (const unsigned size : {0U, 1U, 2U, 4095U, 4096U, 4097U, 32767U, 32768U, 32769U, 65535U, 65536U, 65537U,
                                262143U, 262144U, 262145U, 600000U}) {
        for (const std::string_view pieces : {"x\n", "x\r\n.", "\r\n", "\n.", "\r"}) {
            std::string content;
            while (content.size() < size) content += pieces[random() % pieces.size()];
            maildir.put((number % 3 == 0 ? "new/" : "cur/") + std::to_string(number) + ".x", content);
            ++number;
        }
    }
}

} // namespace

TEST_CASE("measuring with io_uring and without agrees: every size, links, FIFOs, directories, vanished files") {
    const TestMaildir maildir;
    put_nasty(maildir);
    std::filesystem::create_symlink("100.x", maildir.file("cur/1.link"));
    std::filesystem::create_directory(maildir.file("cur/2.directory"));
    REQUIRE(::mkfifo(maildir.file("cur/3.fifo").c_str(), 0600) == 0);
    const posix::UniqueFd fifo{::open(maildir.file("cur/3.fifo").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    REQUIRE(::write(fifo.get(), "somebody else's", 15) == 15);
    maildir.put("cur/4.gone");

    Opened one_by_one{maildir}, together{maildir}, by_itself{maildir};
    maildir.remove("cur/4.gone");
    REQUIRE_FALSE(measure(one_by_one.files, one_by_one.listing, nullptr));
    std::optional<posix::Ring> ring = posix::Ring::make(32);
    if (!ring) WARN("no io_uring here");
    REQUIRE_FALSE(measure(together.files, together.listing, ring ? &*ring : nullptr));
    REQUIRE_FALSE(measure(by_itself.files, by_itself.listing));
    check_same(one_by_one.files, together.files);
    check_same(one_by_one.files, by_itself.files);

    std::string read(100, '\0');
    CHECK(::read(fifo.get(), read.data(), read.size()) == 15); // nobody has read it
    const auto named = [&](std::string_view name) {
        return *std::find_if(together.files.begin(), together.files.end(),
                             [&](const Found& file) { return file.file_name == name; });
    };
    for (const char* const none : {"1.link", "2.directory", "3.fifo", "4.gone"}) {
        CHECK(named(none).gone);
        CHECK_FALSE(named(none).measured);
    }
    CHECK(std::count_if(together.files.begin(), together.files.end(),
                        [](const Found& file) { return file.measured; }) == 80);
    // Measuring again reads nothing and keeps what is known.
    auto again = together.files;
    REQUIRE_FALSE(measure(again, together.listing));
    check_same(again, together.files);
}

TEST_CASE("messages are measured one by one if the kernel refuses io_uring, at setup or later") {
    const TestMaildir maildir;
    put_nasty(maildir);
    Opened expected{maildir};
    REQUIRE_FALSE(measure(expected.files, expected.listing, nullptr));
    for (const long refused : {SYS_io_uring_setup, SYS_io_uring_enter}) {
        Opened opened{maildir};
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            std::optional<posix::Ring> ring = posix::Ring::make(32);
            if (!test::deny(refused, EPERM)) ::_exit(1);
            if (refused == SYS_io_uring_setup && posix::Ring::make(32)) ::_exit(2);
            if (refused == SYS_io_uring_setup) ring.reset();
            if (measure(opened.files, opened.listing, ring ? &*ring : nullptr)) ::_exit(3);
            for (std::size_t i = 0; i < opened.files.size(); ++i) {
                const Found &a = opened.files[i], &b = expected.files[i];
                if (!a.measured || a.octets != b.octets || a.stored_size != b.stored_size || a.wire_form != b.wire_form)
                    ::_exit(4);
            }
            ::_exit(0);
        }
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
    }
}

TEST_CASE("a forked process measures with its own ring, while its parent uses the one it had") {
    const TestMaildir maildir;
    put_nasty(maildir);
    Opened expected{maildir};
    REQUIRE_FALSE(measure(expected.files, expected.listing)); // from here on, this process has a ring
    const auto right = [&] {
        Opened opened{maildir};
        if (measure(opened.files, opened.listing)) return false;
        for (std::size_t i = 0; i < opened.files.size(); ++i)
            if (!opened.files[i].measured != !expected.files[i].measured ||
                opened.files[i].octets != expected.files[i].octets)
                return false;
        return true;
    };
    for (int round = 0; round < 5; ++round) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::alarm(120); // neither may hang forever
            ::_exit(right() ? 0 : 1);
        }
        CHECK(right());
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
}
