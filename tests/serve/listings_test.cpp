#include "buzon/serve/listings.h"

#include <unistd.h>

#include "support/catch.h"
#include "support/snapshots.h"

using namespace buzon;
using namespace buzon::serve;

namespace {

Listings::Snapshot snapshot(std::string_view name) {
    message::SnapshotBuilder builder;
    builder.add({.file_name = name, .octets = 1});
    return test::snapshot_of(builder).value();
}

void record(Listings& listings, const Listings::Snapshot& of, pop3::Listing what,
            std::initializer_list<std::string> pieces) {
    ListingRun run{listings, of, what};
    REQUIRE_FALSE(run.part());
    for (const std::string& piece : pieces) run.produced(piece);
    run.finished();
}

// What a session sends of the listing, `max` octets at a time.
std::string sent(Listings& listings, const Listings::Snapshot& of, pop3::Listing what, std::size_t max) {
    ListingRun run{listings, of, what};
    std::string text;
    while (const auto part = run.part()) {
        std::string piece(std::min(max, part->octets), ' ');
        REQUIRE(::pread(part->file, piece.data(), piece.size(), static_cast<off_t>(part->offset)) ==
                static_cast<ssize_t>(piece.size()));
        run.part_sent(piece.size());
        text += piece;
        if (run.all_sent()) break;
    }
    return text;
}

constexpr auto sizes = pop3::Listing::sizes;
constexpr auto unique_ids = pop3::Listing::unique_ids;

} // namespace

TEST_CASE("a listing that one session produced is sent to others, octet for octet, in parts of any size") {
    Listings listings;
    const Listings::Snapshot one = snapshot("one");
    const std::string long_piece(700'000, 'x');
    record(listings, one, sizes, {"1 120\r\n", long_piece, ".\r\n"});
    record(listings, one, unique_ids, {"1 one\r\n.\r\n"});
    for (const std::size_t max : {std::size_t{100'000}, std::size_t{10'000'000}}) {
        CHECK((sent(listings, one, sizes, max) == "1 120\r\n" + long_piece + ".\r\n"));
        CHECK(sent(listings, one, unique_ids, max) == "1 one\r\n.\r\n");
    }
}

TEST_CASE("a listing belongs to one snapshot, is kept only if complete, and goes with the snapshot") {
    Listings listings;
    Listings::Snapshot one = snapshot("one");
    const Listings::Snapshot same_again = snapshot("one"), other = snapshot("other");
    record(listings, one, sizes, {"1 1\r\n.\r\n"});
    CHECK(listings.find(one, sizes));
    CHECK_FALSE(listings.find(one, unique_ids));
    CHECK_FALSE(listings.find(same_again, sizes));
    {
        ListingRun broken{listings, other, sizes};
        broken.produced("1 1\r\n");
    }
    CHECK_FALSE(listings.find(other, sizes));
    one.reset();
    record(listings, other, sizes, {".\r\n"});
    CHECK(listings.octets() == 3);
}

TEST_CASE("kept listings and listings being recorded are limited in number and size") {
    Listings listings;
    std::vector<Listings::Snapshot> snapshots;
    for (std::size_t i = 0; i < Listings::max_kept + 3; ++i) {
        snapshots.push_back(snapshot("m" + std::to_string(i)));
        record(listings, snapshots.back(), sizes, {".\r\n"});
        CHECK(listings.find(snapshots.front(), sizes)); // in use, so others are evicted
    }
    CHECK(listings.octets() == 3 * Listings::max_kept);
    CHECK_FALSE(listings.find(snapshots[1], sizes));

    const std::string large(Listings::max_recorded / 4, 'x');
    ListingRun slow{listings, snapshots[1], sizes};
    for (int i = 0; i < 3; ++i) slow.produced(large);
    record(listings, snapshots[2], sizes, {large, large}); // the slow listing leaves no room for it
    CHECK_FALSE(listings.find(snapshots[2], sizes));
    slow.produced(large);
    slow.produced("x"); // too long to be kept
    slow.finished();
    CHECK_FALSE(listings.find(snapshots[1], sizes));
    record(listings, snapshots[2], sizes, {large, large});
    CHECK(listings.find(snapshots[2], sizes));
}
