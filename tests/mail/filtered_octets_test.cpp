// What is remembered about the octets of transformed messages: kept with the maildrop, only a cache, never a lie.
#include "buzon/mail/filtered_octets.h"

#include "buzon/mail/maildrop.h"
#include "maildir_fixture.h"

using namespace buzon;
using namespace buzon::mail;

namespace {

const std::string key = "0123456789abcdef0123456789abcdef";

FilteredMessage message_of(const Snapshot& snapshot, std::uint32_t index, std::uint64_t octets) {
    return {snapshot.inode(index), snapshot.stored_size(index), snapshot.mtime_ns(index), octets};
}

} // namespace

TEST_CASE("LIST and STAT tell what is known of transformed messages, and stored sizes of the others") {
    const TestMaildir maildir;
    maildir.put("cur/1.a:2,S", "uno\n");
    maildir.put("cur/2.b:2,S", "dos dos\n");
    maildir.put("new/3.c", "tres\n");
    const auto snapshot = maildir.scan();
    CHECK(FilteredOctets::of(*snapshot, {}, key) == nullptr);
    CHECK_FALSE(FilteredMatch{*snapshot, {}, key}.go_on(0));

    FilteredMessages known{message_of(*snapshot, 1, 1000), {4711, 3, 5, 99}, message_of(*snapshot, 1, 2)};
    Maildrop drop{snapshot, FilteredOctets::of(*snapshot, known, key)};
    CHECK(drop.octets(MessageNumber{1}) == 5);
    CHECK(drop.octets(MessageNumber{2}) == 2); // of two that say it the last
    CHECK(drop.octets(MessageNumber{3}) == 6);
    CHECK(drop.stored_octets(MessageNumber{2}) == 9);
    CHECK(drop.live_octets() == 13);
    drop.mark_deleted(MessageNumber{2});
    CHECK(drop.live_octets() == 11);
    drop.mark_deleted(MessageNumber{1});
    CHECK(drop.live_octets() == 6);
    drop.reset();
    CHECK(drop.live_octets() == 13);

    // In slices of any size the same.
    for (const std::size_t steps : {1u, 2u, 5u, 100u}) {
        FilteredMatch match{*snapshot, known, key};
        while (match.go_on(steps)) {
        }
        const auto octets = match.result();
        REQUIRE(octets);
        CHECK(octets->total_octets() == 13);
        CHECK(octets->octets(1) == 2);
        CHECK_FALSE(octets->octets(0));
    }

    // Another message in the same inode, a message that was changed: nothing is known about those.
    known = {message_of(*snapshot, 0, 7), message_of(*snapshot, 1, 8)};
    ++known[0].stored_size;
    ++known[1].mtime_ns;
    CHECK(FilteredOctets::of(*snapshot, known, key) == nullptr);
}

TEST_CASE("what was learned is on file for the sessions to come, by transformation") {
    const TestMaildir maildir;
    for (int n = 1; n <= 50; ++n)
        maildir.put("new/" + std::to_string(100 + n) + ".x", std::string(static_cast<std::size_t>(n), 'x'));
    const auto snapshot = maildir.scan();
    CHECK(read_filtered(maildir.path(), key).empty());
    FilteredBatch batch;
    for (std::uint32_t i = 0; i < 50; ++i) {
        batch[key].push_back(message_of(*snapshot, i, 1000 + i));
        batch["other"].push_back(message_of(*snapshot, i, 2000 + i));
    }
    CHECK_FALSE(add_filtered(maildir.path(), batch));
    const auto first = FilteredOctets::of(*snapshot, read_filtered(maildir.path(), key), key);
    REQUIRE(first);
    for (std::uint32_t i = 0; i < 50; ++i) CHECK(first->octets(i) == 1000 + i);
    CHECK(FilteredOctets::of(*snapshot, read_filtered(maildir.path(), "other"), "other")->octets(49) == 2049);
    CHECK(read_filtered(maildir.path(), "third").empty());

    // What is new counts; a message that is renamed stays itself, one that is gone is forgotten, a new one unknown.
    CHECK_FALSE(add_filtered(maildir.path(), {{key, {message_of(*snapshot, 3, 77)}}}));
    maildir.rename("new/104.x", "cur/104.x:2,S");
    maildir.put("new/200.x", "late\n"); // before the other goes, whose inode it might get
    maildir.remove("new/101.x");
    const auto later = maildir.scan();
    CHECK_FALSE(add_filtered(maildir.path(), {{key, {message_of(*later, 1, 1002)}}}));
    const FilteredMessages known = read_filtered(maildir.path(), key);
    CHECK(known.size() == 49);
    const auto second = FilteredOctets::of(*later, known, key);
    REQUIRE(second);
    CHECK(second->octets(2) == 77);
    CHECK(second->octets(1) == 1002);
    CHECK(second->octets(49) == std::nullopt);
    CHECK(second->total_octets() == 1001 + 1002 + 77 + later->octets(49) + (1004 + 1049) * 46 / 2);

    // Nothing new, nothing written; and nothing but the file is left.
    const std::uint64_t inode = maildir.inode(filtered_file_name);
    CHECK_FALSE(add_filtered(maildir.path(), {{key, {known.back()}}}));
    CHECK(maildir.inode(filtered_file_name) == inode);
    CHECK(maildir.names("tmp").empty());
}

TEST_CASE("the file of transformed octets is bounded, and the oldest go first") {
    const TestMaildir maildir;
    for (int n = 1; n <= 20; ++n) maildir.put("new/" + std::to_string(100 + n) + ".x");
    const auto snapshot = maildir.scan();
    const FilteredLimits limits{30, 3};
    for (const char* each : {"a", "b", "c", "d"}) {
        FilteredBatch batch;
        for (std::uint32_t i = 0; i < 12; ++i) batch[each].push_back(message_of(*snapshot, i, i));
        CHECK_FALSE(add_filtered(maildir.path(), batch, limits));
    }
    CHECK(read_filtered(maildir.path(), "a").empty());
    CHECK(read_filtered(maildir.path(), "b").size() == 6);
    CHECK(read_filtered(maildir.path(), "b").front().octets == 6);
    CHECK(read_filtered(maildir.path(), "c").size() == 12);
    CHECK(read_filtered(maildir.path(), "d").size() == 12);
    CHECK_FALSE(add_filtered(maildir.path(),
                             {{"b", {message_of(*snapshot, 19, 1)}}, {"e", {message_of(*snapshot, 0, 1)}}}, limits));
    CHECK(read_filtered(maildir.path(), "c").empty()); // it was used least recently
    CHECK(read_filtered(maildir.path(), "b").size() == 7);
}

TEST_CASE("a file of transformed octets that is odd is no file") {
    const TestMaildir maildir;
    maildir.put("new/1.x");
    const auto snapshot = maildir.scan();
    const FilteredBatch batch{{key, {message_of(*snapshot, 0, 5)}}};
    CHECK_FALSE(add_filtered(maildir.path(), batch));
    const std::string good = maildir.content(filtered_file_name);
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        maildir.put(filtered_file_name, bad);
        CHECK(read_filtered(maildir.path(), key).empty());
        maildir.put(filtered_file_name, good.substr(0, at));
        CHECK(read_filtered(maildir.path(), key).empty());
    }
    maildir.put(filtered_file_name, good + "x");
    CHECK(read_filtered(maildir.path(), key).empty());
    // It is made anew, and a link is not followed.
    CHECK_FALSE(add_filtered(maildir.path(), batch));
    CHECK(read_filtered(maildir.path(), key).size() == 1);
    maildir.put("elsewhere", good);
    maildir.remove(filtered_file_name);
    std::filesystem::create_symlink(maildir.file("elsewhere"), maildir.file(filtered_file_name));
    CHECK(read_filtered(maildir.path(), key).empty());
    CHECK_FALSE(add_filtered(maildir.path(), batch));
    CHECK(maildir.content("elsewhere") == good);
    CHECK(read_filtered(maildir.path(), key).size() == 1);
    CHECK(add_filtered(maildir.file("nowhere"), batch) == std::errc::no_such_file_or_directory);
}

TEST_CASE("a batch of transformed octets travels whole, and a torn one is refused") {
    FilteredRequest request;
    request.maildir = "/mail/ana";
    request.batch["a"] = {{1, 2, -3, 4}, {5, 6, 7, ~std::uint64_t{0}}};
    request.batch["b"] = {};
    const std::string bytes = request.to_bytes();
    const auto back = FilteredRequest::from_bytes(bytes);
    REQUIRE(back);
    CHECK(back.value().maildir == request.maildir);
    CHECK(back.value().batch == request.batch);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) CHECK_FALSE(FilteredRequest::from_bytes(bytes.substr(0, cut)));
    CHECK(filtered_from_bytes(to_bytes(request.batch["a"])) == request.batch["a"]);
    CHECK(filtered_from_bytes("\xff\xff\xff\xff") == std::nullopt);
}
