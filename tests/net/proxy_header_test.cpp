#include "buzon/net/proxy_header.h"

#include <string>

#include "support/catch.h"

using namespace buzon::net;

namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string version_2(char command, char family, const std::string& rest) {
    return signature + command + family + static_cast<char>(rest.size() >> 8) + static_cast<char>(rest.size() & 0xff) +
           rest;
}

std::string extension(char type, const std::string& value) {
    return std::string{type} + static_cast<char>(value.size() >> 8) + static_cast<char>(value.size() & 0xff) + value;
}

const std::string tcp4("\xcb\0\x71\x09\xcb\0\x71\x01\x13\x88\0\x6e", 12); // 203.0.113.9:5000 to 203.0.113.1:110
const std::string tcp6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x13\x88\0\x6e",
                       36);

struct Read {
    ProxyParse what;
    ProxyHeader header;
};

Read read(const std::string& octets) {
    Read read;
    read.what = parse_proxy_header(octets, read.header);
    return read;
}

std::string client_of(const std::string& octets) {
    const Read got = read(octets);
    if (got.what != ProxyParse::complete) return "no header";
    CHECK(got.header.length == octets.size());
    return got.header.client ? got.header.client->text() : "nobody";
}

} // namespace

TEST_CASE("a PROXY header of either version names the client") {
    CHECK(client_of("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110\r\n") == "203.0.113.9:5000");
    CHECK(client_of("PROXY TCP6 2001:db8::9 2001:db8::1 65535 110\r\n") == "[2001:db8::9]:65535");
    CHECK(client_of(version_2('\x21', '\x11', tcp4)) == "203.0.113.9:5000");
    CHECK(client_of(version_2('\x21', '\x21', tcp6)) == "[2001:db8::9]:5000");
}

TEST_CASE("PROXY headers for UNKNOWN, LOCAL or anything but TCP name no client") {
    CHECK(client_of("PROXY UNKNOWN\r\n") == "nobody");
    CHECK(client_of("PROXY UNKNOWN 1.2.3.4 what ever\r\n") == "nobody");
    CHECK(client_of(version_2('\x20', '\0', "")) == "nobody");
    CHECK(client_of(version_2('\x20', '\x11', tcp4)) == "nobody");
    CHECK(client_of(version_2('\x20', '\x11', "x")) == "nobody"); // the address block of LOCAL is skipped
    CHECK(client_of(version_2('\x21', '\0', "")) == "nobody");
    CHECK(client_of(version_2('\x21', '\x12', tcp4)) == "nobody"); // UDP
    CHECK(client_of(version_2('\x21', '\x31', std::string(216, 'u'))) == "nobody");
}

TEST_CASE("every prefix of a PROXY header asks for more, and what follows the header is not part of it") {
    for (const std::string& whole :
         {std::string("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110\r\n"), std::string("PROXY UNKNOWN\r\n"),
          version_2('\x21', '\x11', tcp4), version_2('\x21', '\x21', tcp6 + extension('\x04', "padding")),
          version_2('\x20', '\0', std::string(4080, '\0'))}) {
        for (std::size_t n = 0; n < whole.size(); ++n) {
            CAPTURE(n);
            CHECK(read(whole.substr(0, n)).what == ProxyParse::more);
        }
        const Read got = read(whole + "USER ana\r\n");
        CHECK(got.what == ProxyParse::complete);
        CHECK(got.header.length == whole.size());
    }
}

TEST_CASE("the TLS extension of a PROXY header says whether the client uses TLS") {
    const auto tls = [](const std::string& extensions) {
        const Read got = read(version_2('\x21', '\x11', tcp4 + extensions));
        REQUIRE(got.what == ProxyParse::complete);
        return got.header.tls;
    };
    const std::string not_checked("\0\0\0\1", 4);
    CHECK_FALSE(tls(""));
    CHECK(tls(extension('\x20', "\x01" + not_checked)));
    CHECK(tls(extension('\x20', "\x07" + not_checked + extension('\x21', "TLSv1.3"))));
    CHECK_FALSE(tls(extension('\x20', std::string(1, '\0') + not_checked)));
    CHECK_FALSE(tls(extension('\x20', "\x06" + not_checked))); // the certificate bits without the TLS bit
    CHECK(tls(extension('\x01', "h2") + extension('\x20', "\x01" + not_checked) + extension('\x04', "")));
    // A header that names no client does not claim TLS either.
    Read local = read(version_2('\x20', '\x11', tcp4 + extension('\x20', "\x01" + not_checked)));
    CHECK_FALSE(local.header.tls);
}

TEST_CASE("the checksum of a PROXY header is verified") {
    // CRC-32C by another implementation (Python, bitwise), over the header with four zero octets in its place.
    const auto with = [](const std::string& sum) { return version_2('\x21', '\x11', tcp4 + extension('\x03', sum)); };
    CHECK(read(with(std::string(4, '\0'))).what == ProxyParse::malformed);
    CHECK(read(with("abc")).what == ProxyParse::malformed);
    CHECK(read(with(std::string("\x4f\xb2\x34\xf1", 4))).what == ProxyParse::complete);
    CHECK(read(with(std::string("\x4f\xb2\x34\xf0", 4))).what == ProxyParse::malformed);
}

TEST_CASE("an invalid PROXY header is recognized at once") {
    for (const std::string& wrong : {std::string("USER ana\r\n"),
                                     std::string("PP"),
                                     std::string("PROXY\r\n"),
                                     std::string("proxy TCP4"),
                                     std::string("PROXY TCP4 203.0.113.9\r\n"),
                                     std::string("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"),
                                     std::string("PROXY TCP4 300.0.113.9 203.0.113.1 5000 110\r\n"),
                                     std::string("PROXY TCP4 203.0.113.9 203.0.113.1 65536 110\r\n"),
                                     std::string("PROXY TCP4 203.0.113.9 203.0.113.1 -1 110\r\n"),
                                     std::string("PROXY TCP4 203.0.113.9 203.0.113.1 5000\r\n"),
                                     std::string("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110 \r\n"),
                                     std::string("PROXY TCP4  203.0.113.9 203.0.113.1 5000 110\r\n"),
                                     std::string("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110\n"),
                                     std::string("PROXY TCP4 2001:db8::9 2001:db8::1 5000 110\r\n"),
                                     std::string("PROXY TCP6 203.0.113.9 203.0.113.1 5000 110\r\n"),
                                     std::string("PROXY UNKNOWNS\r\n"),
                                     std::string("PROXY \r\n"),
                                     std::string("\r\nx"),
                                     std::string("\n"),
                                     signature + "\x31\x11",
                                     signature + "\x22",
                                     signature + "\x21\x41",
                                     signature + "\x21\x13",
                                     version_2('\x21', '\x11', tcp4.substr(1)),
                                     version_2('\x21', '\x21', tcp4),
                                     version_2('\x21', '\x11', tcp4 + "\x20"),
                                     version_2('\x21', '\x11', tcp4 + extension('\x20', "\x01")),
                                     version_2('\x21', '\x11', tcp4 + std::string("\x04\0\x05xx", 5))}) {
        CAPTURE(wrong);
        CHECK(read(wrong).what == ProxyParse::malformed);
    }
}

TEST_CASE("an overlong PROXY header is refused as soon as it exceeds the limit") {
    const std::string line = "PROXY UNKNOWN " + std::string(200, 'x');
    CHECK(read(line.substr(0, 106)).what == ProxyParse::more);
    CHECK(read(line.substr(0, 107)).what == ProxyParse::malformed);
    CHECK(client_of("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n") == "nobody"); // 107 octets
    CHECK(read("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n").what == ProxyParse::malformed);
    CHECK(read(signature + std::string("\x21\x11\x0f\xf0", 4)).what == ProxyParse::more); // 4,096 octets
    CHECK(read(signature + std::string("\x21\x11\x0f\xf1", 4)).what == ProxyParse::malformed);
}
