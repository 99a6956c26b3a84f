// files/certificate.h - what SCRAM-SHA-256-PLUS needs to know about a certificate. Reads no files, checks no
// certificate.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace buzon::files {

// The size limit of a file with a certificate or a key.
inline constexpr std::size_t longest_certificate = 1 << 20; // octets

// The tls-server-end-point (RFC 5929 section 4.1) of the first certificate in a PEM file: its hash, by SHA-384 or
// SHA-512 if the certificate is signed with that, else by SHA-256. In octets; empty if there is none, for example for a
// certificate signed without a hash (Ed25519).
[[nodiscard]] std::string end_point_of(std::string_view pem);

} // namespace buzon::files
