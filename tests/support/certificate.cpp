// support/certificate.cpp
#include "support/certificate.h"

#include <fstream>
#include <stdexcept>

#include "support/mail.h"
#include "support/process.h"

namespace buzon::test {

void make_certificate(const std::string& file, const std::string& name) {
    const Finished made =
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             file + ".key", "-out", file + ".crt", "-days", "30", "-subj", "/CN=" + name});
    if (made.code != 0) throw std::runtime_error("openssl: " + made.err);
    std::ofstream{file} << read_whole(file + ".crt") << read_whole(file + ".key");
}

} // namespace buzon::test
