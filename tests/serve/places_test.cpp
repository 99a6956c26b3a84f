#include "buzon/serve/places.h"

#include "support/catch.h"

using namespace buzon;
using serve::Places;

namespace {

net::Ip ip(const std::string& text) {
    return *net::Ip::parse(text);
}

net::Ip numbered(std::uint32_t number) {
    return net::Ip::from_v4(0x0a000000 + number);
}

} // namespace

TEST_CASE("the oldest connection of the source with the most connections goes first") {
    Places places;
    CHECK_FALSE(places.next_to_go());
    places.came(1, ip("192.0.2.1"));
    places.came(2, ip("192.0.2.2"));
    places.came(3, ip("192.0.2.2"));
    CHECK(places.next_to_go() == 2u);
    places.left(2, ip("192.0.2.2"));
    CHECK(places.next_to_go() == 1u); // one each: the oldest of all
    places.came(4, ip("192.0.2.2"));
    CHECK(places.next_to_go() == 3u);
    places.left(3, ip("192.0.2.2"));
    places.left(3, ip("192.0.2.2")); // it has left already
    places.left(9, ip("192.0.2.2")); // it never came
    places.left(1, ip("192.0.2.1"));
    CHECK(places.next_to_go() == 4u);
    places.left(4, ip("192.0.2.2"));
    CHECK_FALSE(places.next_to_go());
}

TEST_CASE("an IPv6 /64 is one source, and so are both forms of an IPv4 address") {
    Places places;
    places.came(1, ip("2001:db8:1:3::1"));
    places.came(2, ip("2001:db8:1:2::1"));
    places.came(3, ip("2001:db8:1:2:ffff::1"));
    CHECK(places.next_to_go() == 2u);
    places.came(4, ip("192.0.2.7"));
    places.came(5, ip("::ffff:192.0.2.7"));
    places.came(6, ip("192.0.2.7"));
    CHECK(places.next_to_go() == 4u);
    places.left(4, ip("::ffff:192.0.2.7"));
    places.left(5, ip("192.0.2.7"));
    CHECK(places.next_to_go() == 2u);
}

TEST_CASE("a source that keeps reconnecting displaces only its own connections, among twenty thousand") {
    Places places;
    for (std::uint64_t id = 1; id <= 10'000; ++id) places.came(id, numbered(static_cast<std::uint32_t>(id)));
    for (std::uint64_t id = 10'001; id <= 20'000; ++id) places.came(id, ip("198.51.100.1"));
    for (std::uint64_t id = 20'001; id <= 60'000; ++id) {
        const auto gone = places.next_to_go();
        REQUIRE(gone == id - 10'000);
        places.left(*gone, ip("198.51.100.1"));
        places.came(id, ip("198.51.100.1"));
    }
}
