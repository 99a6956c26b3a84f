#include "buzon/net/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace buzon::net {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature_1 = "PROXY "sv;
constexpr std::size_t longest_line = 107; // with its CRLF
constexpr std::string_view signature_2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t fixed_part = 16; // signature, version and command, family, length

bool begins_alike(std::string_view octets, std::string_view signature) {
    const std::size_t n = std::min(octets.size(), signature.size());
    return octets.substr(0, n) == signature.substr(0, n);
}

std::uint8_t octet(std::string_view text, std::size_t at) {
    return static_cast<std::uint8_t>(text[at]);
}

std::uint16_t number_16(std::string_view text, std::size_t at) {
    return static_cast<std::uint16_t>(octet(text, at) << 8 | octet(text, at + 1));
}

// --- version 1: one line of text ---

// Removes and returns the word before the next blank.
std::string_view next_word(std::string_view& rest) {
    const std::size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    return word;
}

// "TCP4 192.0.2.1 192.0.2.2 5000 110"; a blank after the last word is invalid.
bool parse_addresses(std::string_view line, ProxyHeader& header) {
    if (std::count(line.begin(), line.end(), ' ') != 4) return false;
    const std::string_view family = next_word(line);
    if (family != "TCP4" && family != "TCP6") return false;
    const bool six = family == "TCP6";
    const std::string_view from = next_word(line);
    const std::string_view to = next_word(line);
    for (const std::string_view address : {from, to}) {
        if (!Ip::parse(address) || (address.find(':') != address.npos) != six) return false;
    }
    const auto from_port = parse_port(next_word(line));
    const auto to_port = parse_port(next_word(line));
    if (!from_port || !to_port) return false;
    header.client = Endpoint{*Ip::parse(from), *from_port, 0};
    return true;
}

ProxyParse parse_version_1(std::string_view octets, ProxyHeader& header) {
    const std::size_t end = octets.substr(0, longest_line).find('\n');
    if (end == octets.npos) return octets.size() < longest_line ? ProxyParse::more : ProxyParse::malformed;
    if (end == 0 || octets[end - 1] != '\r') return ProxyParse::malformed;
    ProxyHeader read;
    read.length = end + 1;
    const std::string_view line = octets.substr(signature_1.size(), end - 1 - signature_1.size());
    // Anything after UNKNOWN must be ignored.
    const bool unknown = line == "UNKNOWN" || line.starts_with("UNKNOWN ");
    if (!unknown && !parse_addresses(line, read)) return ProxyParse::malformed;
    header = read;
    return ProxyParse::complete;
}

// --- version 2: binary ---

constexpr std::uint8_t type_checksum = 0x03;
constexpr std::uint8_t type_tls = 0x20;
constexpr std::uint8_t client_speaks_tls = 0x01;

// CRC-32C (RFC 3720 appendix B.4) of the header, with the four octets of the checksum itself taken as zero.
std::uint32_t checksum(std::string_view whole, std::size_t own_place) {
    std::uint32_t crc = 0xffffffff;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        if (i < own_place || i >= own_place + 4) crc ^= octet(whole, i);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

// Checks the extensions, which begin at `at`: type, length in two octets, value. False: malformed or damaged.
bool parse_extensions(std::string_view whole, std::size_t at, ProxyHeader& header) {
    while (at < whole.size()) {
        if (whole.size() - at < 3) return false;
        const std::uint8_t type = octet(whole, at);
        const std::size_t length = number_16(whole, at + 1);
        at += 3;
        if (whole.size() - at < length) return false;
        if (type == type_tls) {
            if (length < 5) return false; // one octet of flags, four with the result of checking the certificate
            header.tls = (octet(whole, at) & client_speaks_tls) != 0;
        } else if (type == type_checksum) {
            if (length != 4) return false;
            const std::uint32_t said = std::uint32_t{number_16(whole, at)} << 16 | number_16(whole, at + 2);
            if (said != checksum(whole, at)) return false;
        }
        at += length;
    }
    return true;
}

Endpoint endpoint_at(std::string_view whole, std::size_t address, std::size_t size, std::size_t port) {
    std::array<std::uint8_t, 16> bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}; // IPv4 in its mapped form
    for (std::size_t i = 0; i < size; ++i) bytes[16 - size + i] = octet(whole, address + i);
    return {Ip::from_bytes(bytes), number_16(whole, port), 0};
}

// Checks the octets received so far; even an incomplete fixed part may already be wrong.
bool may_be_version_2(std::string_view octets) {
    if (octets.size() > 12 && octet(octets, 12) != 0x20 && octet(octets, 12) != 0x21) return false;
    if (octets.size() > 13 && (octet(octets, 13) >> 4 > 3 || (octet(octets, 13) & 0x0f) > 2)) return false;
    return octets.size() < fixed_part || number_16(octets, 14) <= longest_proxy_header - fixed_part;
}

ProxyParse parse_version_2(std::string_view octets, ProxyHeader& header) {
    if (!may_be_version_2(octets)) return ProxyParse::malformed;
    if (octets.size() < fixed_part) return ProxyParse::more;
    const std::size_t length = fixed_part + number_16(octets, 14);
    const bool local = octet(octets, 12) == 0x20;
    const std::uint8_t family = octet(octets, 13);
    // The address length for TCP over IPv4 and over IPv6; 0 for anything else, whose addresses we ignore.
    const std::size_t size = family == 0x11 ? 4 : family == 0x21 ? 16 : 0;
    const std::size_t addresses = size == 0 ? 0 : 2 * size + 4;
    if (!local && length - fixed_part < addresses) return ProxyParse::malformed;
    if (octets.size() < length) return ProxyParse::more;
    ProxyHeader read;
    read.length = length;
    if (!local && size != 0) {
        const std::string_view whole = octets.substr(0, length);
        read.client = endpoint_at(whole, fixed_part, size, fixed_part + 2 * size);
        if (!parse_extensions(whole, fixed_part + addresses, read)) return ProxyParse::malformed;
    }
    header = read;
    return ProxyParse::complete;
}

} // namespace

ProxyParse parse_proxy_header(std::string_view octets, ProxyHeader& header) {
    if (octets.empty()) return ProxyParse::more;
    if (octets.front() == signature_1.front()) {
        if (!begins_alike(octets, signature_1)) return ProxyParse::malformed;
        return octets.size() < signature_1.size() ? ProxyParse::more : parse_version_1(octets, header);
    }
    if (!begins_alike(octets, signature_2)) return ProxyParse::malformed;
    return octets.size() < signature_2.size() ? ProxyParse::more : parse_version_2(octets, header);
}

} // namespace buzon::net
