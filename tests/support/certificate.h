// support/certificate.h - certificates for tests that speak TLS.
#pragma once

#include <string>

namespace buzon::test {

// Writes a self-signed certificate and its key to `file`, and separately to FILE.crt and FILE.key. Throws on failure.
void make_certificate(const std::string& file, const std::string& name = "localhost");

} // namespace buzon::test
