#include "buzon/message/snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>

#include "buzon/message/checksum.h"
#include "support/catch.h"
#include "support/snapshots.h"

using namespace buzon;
using namespace buzon::message;

namespace {

SnapshotBuilder& fill(SnapshotBuilder& builder) {
    builder.add({.file_name = "1.a:2,FS",
                 .in_new = false,
                 .octets = 30,
                 .stored_size = 20,
                 .inode = 5,
                 .mtime_ns = -7,
                 .wire_form = true});
    builder.add({.file_name = "2 b",
                 .in_new = true,
                 .octets = 1ull << 40,
                 .uidl = "hash",
                 .stored_size = 1,
                 .measured = false});
    builder.add({.file_name = "3.c", .in_new = true});
    builder.set_stamps({{1, 2, 3, 4}, {5, 6, 7, 8}}, true);
    builder.set_rules(9);
    return builder;
}

// Makes the checksum fit, whatever the header and the records contain.
void seal(std::string& block) {
    const std::uint64_t sum = checksum(std::string_view{block}.substr(16));
    std::memcpy(block.data() + 8, &sum, sizeof sum);
}

} // namespace

TEST_CASE("a snapshot gives back what was put in") {
    SnapshotBuilder builder;
    const auto snapshot = test::snapshot_of(fill(builder)).value();
    REQUIRE(snapshot->count() == 3);
    CHECK(snapshot->total_octets() == (1ull << 40) + 30);
    CHECK(snapshot->file_name(0) == "1.a:2,FS");
    CHECK(snapshot->base_name(0) == "1.a");
    CHECK(snapshot->uidl(0) == "1.a");
    CHECK_FALSE(snapshot->own_uidl(0));
    CHECK(snapshot->wire_form(0));
    CHECK(snapshot->measured(0));
    CHECK(snapshot->stored_size(0) == 20);
    CHECK(snapshot->inode(0) == 5);
    CHECK(snapshot->mtime_ns(0) == -7);
    CHECK_FALSE(snapshot->in_new(0));
    CHECK(snapshot->in_new(1));
    CHECK(snapshot->uidl(1) == "hash");
    CHECK(snapshot->own_uidl(1));
    CHECK_FALSE(snapshot->measured(1));
    CHECK(snapshot->octets(2) == 0);
    CHECK(snapshot->rules() == 9);
    CHECK(snapshot->is_current({{1, 2, 3, 4}, {5, 6, 7, 8}}));
    CHECK_FALSE(snapshot->is_current({{1, 2, 3, 4}, {5, 6, 7, 9}}));
}

TEST_CASE("a snapshot that is not settled is never current") {
    SnapshotBuilder builder;
    builder.set_stamps({}, false);
    CHECK_FALSE(test::snapshot_of(builder).value()->is_current({}));
}

TEST_CASE("entries that would break a reply or the block are refused") {
    const MessageEntry bad[] = {
        {.file_name = ""},
        {.file_name = "a/b"},
        {.file_name = std::string_view("a\0b", 3)},
        {.file_name = "with space"},
        {.file_name = ":2,S"},
        {.file_name = "x", .uidl = "line\r\nend"},
        {.file_name = "x", .uidl = "\x7f"},
    };
    for (const MessageEntry& entry : bad) {
        SnapshotBuilder builder;
        builder.add(entry);
        CHECK(test::snapshot_of(builder).error().value() == EINVAL);
    }
    SnapshotBuilder builder;
    const std::string long_name(256, 'a'), long_uidl(71, 'a');
    builder.add({.file_name = long_name, .uidl = "u"});
    CHECK(builder.bytes().error().value() == EINVAL);
    builder.add({.file_name = "x", .uidl = long_uidl});
    CHECK(builder.bytes().error().value() == EINVAL);
    builder.add({.file_name = std::string_view(long_name).substr(1), .uidl = std::string_view(long_uidl).substr(1)});
    CHECK(test::snapshot_of(builder).ok());
}

TEST_CASE("a sealed snapshot is mapped and any other file is copied, with the same content") {
    SnapshotBuilder builder;
    const std::string bytes = fill(builder).bytes().value();
    posix::UniqueFd sealed = seal_in_memfd(bytes, "test").value();
    const posix::UniqueFd writer{::dup(sealed.get())};
    CHECK(::ftruncate(writer.get(), 0) != 0);
    CHECK(::pwrite(writer.get(), "x", 1, 0) < 0);
    CHECK(Snapshot::from_fd(std::move(sealed)).value()->bytes() == bytes);

    posix::UniqueFd open{::memfd_create("test", MFD_CLOEXEC)};
    REQUIRE(::write(open.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    const posix::UniqueFd other{::dup(open.get())};
    const auto snapshot = Snapshot::from_fd(std::move(open)).value();
    REQUIRE(::ftruncate(other.get(), 0) == 0); // a mapping would kill us now
    CHECK(snapshot->bytes() == bytes);
    CHECK(snapshot->uidl(1) == "hash");
}

TEST_CASE("a device, a directory, a huge file and invalid content are not accepted as a snapshot") {
    CHECK_FALSE(Snapshot::from_fd(posix::UniqueFd{}).ok());
    CHECK_FALSE(Snapshot::from_fd(posix::UniqueFd{::open("/dev/zero", O_RDONLY | O_CLOEXEC)}).ok());
    CHECK_FALSE(Snapshot::from_fd(posix::UniqueFd{::open("/", O_RDONLY | O_CLOEXEC)}).ok());
    posix::UniqueFd huge{::memfd_create("test", MFD_CLOEXEC)};
    REQUIRE(::ftruncate(huge.get(), off_t{1} << 50) == 0);
    CHECK_FALSE(Snapshot::from_fd(std::move(huge)).ok());
    CHECK_FALSE(test::snapshot_of("").ok());
    CHECK_FALSE(test::snapshot_of(std::string(1000, '\0')).ok());
}

TEST_CASE("a forged block with a correct checksum is refused or harmless") {
    SnapshotBuilder builder;
    const std::string good = fill(builder).bytes().value();
    std::mt19937 random{5};
    for (int round = 0; round < 20000; ++round) {
        std::string forged = good;
        for (auto changes = 1 + random() % 4; changes != 0; --changes) {
            const std::size_t at = 16 + random() % (forged.size() - 16);
            forged[at] = round % 2 != 0 ? static_cast<char>(random()) : "\0\xff\x7f\x80"[random() % 4];
        }
        seal(forged);
        const auto snapshot = test::snapshot_of(forged);
        if (!snapshot) continue;
        // ASan would notice any access outside.
        for (std::uint32_t i = 0; i < snapshot.value()->count(); ++i) {
            const std::string all =
                std::string{snapshot.value()->file_name(i)} + std::string{snapshot.value()->base_name(i)};
            CHECK(all.find('/') == all.npos);
            for (const char c : snapshot.value()->uidl(i)) CHECK((c >= 0x21 && c <= 0x7e));
        }
    }
}

TEST_CASE("a message takes 48 octets in addition to its names") {
    SnapshotBuilder one, two;
    one.add({.file_name = "1.a", .in_new = true, .octets = 1});
    two.add({.file_name = "1.a", .in_new = true, .octets = 1});
    two.add({.file_name = "2.b", .in_new = true, .octets = 1});
    CHECK(test::snapshot_of(two).value()->memory() - test::snapshot_of(one).value()->memory() == 48 + 3);
}
