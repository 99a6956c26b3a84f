#include "buzon/serve/listings.h"

#include <unistd.h>

#include "support/catch.h"
#include "support/snapshots.h"

using namespace buzon;
using namespace buzon::serve;

namespace {

Listings::Picture picture(std::string_view name) {
    message::SnapshotBuilder builder;
    builder.add({.file_name = name, .octets = 1});
    return test::snapshot_of(builder).value();
}

void record(Listings& listings, const Listings::Picture& of, pop3::Listing what,
            std::initializer_list<std::string> pieces) {
    ListingRun run{listings, of, what};
    REQUIRE_FALSE(run.part());
    for (const std::string& piece : pieces) run.produced(piece);
    run.finished();
}

// What a session sends of it, `most` octets at a time.
std::string sent(Listings& listings, const Listings::Picture& of, pop3::Listing what, std::size_t most) {
    ListingRun run{listings, of, what};
    std::string text;
    while (const auto part = run.part()) {
        std::string piece(std::min(most, part->octets), ' ');
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
    const Listings::Picture one = picture("one");
    const std::string long_piece(700'000, 'x');
    record(listings, one, sizes, {"1 120\r\n", long_piece, ".\r\n"});
    record(listings, one, unique_ids, {"1 one\r\n.\r\n"});
    for (const std::size_t most : {std::size_t{100'000}, std::size_t{10'000'000}}) {
        CHECK((sent(listings, one, sizes, most) == "1 120\r\n" + long_piece + ".\r\n"));
        CHECK(sent(listings, one, unique_ids, most) == "1 one\r\n.\r\n");
    }
}

TEST_CASE("a listing is that of its snapshot only, is not kept half, and goes when the snapshot has gone") {
    Listings listings;
    Listings::Picture one = picture("one");
    const Listings::Picture same_again = picture("one"), other = picture("other");
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

TEST_CASE("listings that are kept or produced have bounds") {
    Listings listings;
    std::vector<Listings::Picture> pictures;
    for (std::size_t i = 0; i < Listings::most_kept + 3; ++i) {
        pictures.push_back(picture("m" + std::to_string(i)));
        record(listings, pictures.back(), sizes, {".\r\n"});
        CHECK(listings.find(pictures.front(), sizes)); // in use: others go
    }
    CHECK(listings.octets() == 3 * Listings::most_kept);
    CHECK_FALSE(listings.find(pictures[1], sizes));

    const std::string large(Listings::most_recorded / 4, 'x');
    ListingRun slow{listings, pictures[1], sizes};
    for (int i = 0; i < 3; ++i) slow.produced(large);
    record(listings, pictures[2], sizes, {large, large}); // beside the slow one there is no room
    CHECK_FALSE(listings.find(pictures[2], sizes));
    slow.produced(large);
    slow.produced("x"); // too long to be kept
    slow.finished();
    CHECK_FALSE(listings.find(pictures[1], sizes));
    record(listings, pictures[2], sizes, {large, large});
    CHECK(listings.find(pictures[2], sizes));
}
