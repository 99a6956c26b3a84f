#include "buzon/message/maildrop.h"

#include <random>
#include <set>
#include <vector>

#include "support/catch.h"
#include "support/snapshots.h"

using namespace buzon::message;

namespace {

std::shared_ptr<const Snapshot> of_sizes(const std::vector<std::uint64_t>& sizes) {
    SnapshotBuilder builder;
    std::uint64_t seconds = 1;
    for (const std::uint64_t octets : sizes)
        builder.add({.file_name = std::to_string(seconds++) + ".x", .in_new = true, .octets = octets});
    return buzon::test::snapshot_of(builder).value();
}

constexpr MessageNumber number(std::uint32_t n) {
    return MessageNumber{n};
}

} // namespace

TEST_CASE("message numbers run from 1 to the last message, and no others exist") {
    const Maildrop drop{of_sizes({10, 20, 30})};
    CHECK_FALSE(drop.exists(number(0)));
    CHECK(drop.exists(number(1)));
    CHECK(drop.exists(number(3)));
    CHECK_FALSE(drop.exists(number(4)));
    CHECK_FALSE(drop.exists(number(UINT32_MAX)));
    const Maildrop empty{of_sizes({})};
    CHECK_FALSE(empty.exists(number(0)));
    CHECK_FALSE(empty.exists(number(1)));
    CHECK_FALSE(empty.next_live({}).has_value());
    CHECK_FALSE(empty.next_marked({}).has_value());
}

TEST_CASE("deleting a message changes the counts, but no message number") {
    Maildrop drop{of_sizes({10, 20, 30})};
    drop.mark_deleted(number(2));
    drop.mark_deleted(number(2));
    CHECK(drop.live_count() == 2);
    CHECK(drop.live_octets() == 40);
    CHECK(drop.deleted(number(2)));
    CHECK(drop.octets(number(3)) == 30);
    CHECK(drop.next_live(number(1)) == number(3));
    drop.mark_deleted(number(1));
    drop.mark_retrieved(number(3));
    drop.reset();
    CHECK(drop.live_count() == 3);
    CHECK(drop.live_octets() == 60);
    CHECK_FALSE(drop.deleted(number(1)));
    CHECK(drop.retrieved(number(3)));
}

TEST_CASE("octets are counted beyond 32 bits") {
    Maildrop drop{of_sizes({5'000'000'000, 6'000'000'000, 1})};
    CHECK(drop.live_octets() == 11'000'000'001);
    drop.mark_deleted(number(2));
    CHECK(drop.live_octets() == 5'000'000'001);
}

TEST_CASE("iterating over live or marked messages visits each once, for every size around a word of marks") {
    std::mt19937 random{4};
    for (const std::uint32_t size : {1u, 2u, 63u, 64u, 65u, 127u, 128u, 129u, 300u})
        for (const unsigned in_4 : {0u, 1u, 3u, 4u}) {
            Maildrop drop{of_sizes(std::vector<std::uint64_t>(size, 7))};
            std::set<std::uint32_t> gone, marked;
            for (std::uint32_t n = 1; n <= size; ++n) {
                if (random() % 4 < in_4) {
                    drop.mark_deleted(number(n));
                    gone.insert(n);
                    marked.insert(n);
                } else if (random() % 16 == 0) {
                    drop.mark_retrieved(number(n));
                    marked.insert(n);
                }
            }
            std::set<std::uint32_t> live, visited;
            for (auto at = drop.next_live({}); at; at = drop.next_live(*at))
                REQUIRE(live.insert(static_cast<std::uint32_t>(*at)).second);
            for (auto at = drop.next_marked({}); at; at = drop.next_marked(*at))
                REQUIRE(visited.insert(static_cast<std::uint32_t>(*at)).second);
            CHECK(visited == marked);
            CHECK(live.size() == drop.live_count());
            CHECK(live.size() + gone.size() == size);
            CHECK(drop.live_octets() == 7 * live.size());
        }
}

TEST_CASE("a Maildrop takes at most 72 octets, and does not copy its snapshot") {
    CHECK(sizeof(Maildrop) <= 72);
    const auto snapshot = of_sizes({1, 2});
    const Maildrop one{snapshot}, other{snapshot};
    CHECK(&one.snapshot() == &other.snapshot());
}
