#include "buzon/net/address.h"

#include <array>
#include <set>

#include "support/catch.h"

using namespace buzon::net;

TEST_CASE("the 128 addresses with a single bit set have 128 different hashes") {
    std::set<std::size_t> hashes;
    for (std::size_t bit = 0; bit < 128; ++bit) {
        std::array<std::uint8_t, 16> octets{};
        octets[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
        hashes.insert(IpHash{}(Ip::from_bytes(octets)));
    }
    CHECK(hashes.size() == 128);
    CHECK(IpHash{}(Ip::from_v4(0x7f000001)) == IpHash{}(*Ip::parse("127.0.0.1")));
}

TEST_CASE("an address is what inet_pton accepts and nothing else") {
    for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "10.100.9.99"})
        CHECK(Ip::parse(text)->text() == text);
    CHECK(Ip::parse("::ffff:192.0.2.1") == Ip::parse("192.0.2.1"));
    CHECK(Ip::parse("2001:DB8::1")->text() == "2001:db8::1");
    for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]", "::1%lo", " 1.2.3.4",
                            "1.2.3.4 ", "0x7f.1", "2130706433", "1:2:3:4:5:6:7:8:9"}) {
        CAPTURE(bad);
        CHECK_FALSE(Ip::parse(bad).has_value());
    }
    CHECK_FALSE(Ip::parse(std::string_view("1.2.3.4\0", 8)).has_value());
}

TEST_CASE("loopback and any addresses are recognized in IPv4 and IPv6") {
    CHECK(Ip::parse("127.8.9.1")->is_loopback());
    CHECK(Ip::parse("::1")->is_loopback());
    CHECK_FALSE(Ip::parse("128.0.0.1")->is_loopback());
    CHECK_FALSE(Ip::parse("::2")->is_loopback());
    CHECK(Ip::parse("0.0.0.0")->is_any());
    CHECK(Ip::parse("::")->is_any());
    CHECK_FALSE(Ip::parse("::1")->is_any());
}

TEST_CASE("a network contains its own addresses and no others, and malformed CIDR text is refused") {
    const Cidr ten = *Cidr::parse("10.0.0.0/8");
    CHECK(ten.contains(*Ip::parse("10.255.0.1")));
    CHECK_FALSE(ten.contains(*Ip::parse("11.0.0.0")));
    CHECK_FALSE(ten.contains(*Ip::parse("a00::1")));
    const Cidr odd = *Cidr::parse("192.168.8.0/21");
    CHECK(odd.contains(*Ip::parse("192.168.15.255")));
    CHECK_FALSE(odd.contains(*Ip::parse("192.168.16.0")));
    CHECK(Cidr::parse("::/0")->contains(*Ip::parse("1.2.3.4")));
    CHECK_FALSE(Cidr::parse("0.0.0.0/0")->contains(*Ip::parse("::1")));
    CHECK(Cidr::parse("192.0.2.7")->contains(*Ip::parse("192.0.2.7")));
    CHECK(Cidr::parse("2001:db8::/33")->contains(*Ip::parse("2001:db8:7fff::1")));
    CHECK_FALSE(Cidr::parse("2001:db8::/33")->contains(*Ip::parse("2001:db8:8000::1")));
    for (const char* bad :
         {"10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "/8", "x/8", "::/129"}) {
        CAPTURE(bad);
        CHECK_FALSE(Cidr::parse(bad).has_value());
    }
}

TEST_CASE("endpoints survive the round trip through text, and malformed ones are refused") {
    for (const char* text : {"127.0.0.1:9100", "[::1]:0", "[2001:db8::2]:65535"})
        CHECK(parse_endpoint(text)->text() == text);
    for (const char* bad : {"127.0.0.1", "::1:9100", "[127.0.0.1]:1", "127.0.0.1:65536", "127.0.0.1:", ":80", "[::1]",
                            "[]:1", "127.0.0.1:+1", "127.0.0.1:007"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_endpoint(bad).has_value());
    }
}
