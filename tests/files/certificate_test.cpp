#include "buzon/files/certificate.h"

#include "buzon/digest/hex.h"
#include "support/catch.h"
#include "support/mail.h"
#include "support/process.h"
#include "support/temp_directory.h"

using buzon::files::end_point_of;
using namespace buzon::test;

namespace {

struct Made {
    std::string pem, der; // its text, and the name of its DER file
};

Made certificate_by(const TempDirectory& directory, const std::vector<std::string>& how) {
    std::vector<std::string> words = {"openssl",         "req",  "-x509",           "-nodes", "-keyout",
                                      directory / "key", "-out", directory / "pem", "-subj",  "/CN=mail.example"};
    words.insert(words.end(), how.begin(), how.end());
    const Finished made = run(words);
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    REQUIRE(run({"openssl", "x509", "-in", directory / "pem", "-outform", "DER", "-out", directory / "der"}).code == 0);
    return {read_whole(directory / "pem"), directory / "der"};
}

std::string by_tool(const std::string& tool, const std::string& file) {
    const std::string said = run({tool, file}).out;
    return said.substr(0, said.find(' '));
}

} // namespace

TEST_CASE("a certificate's channel binding is its hash, with its signature's hash function but at least SHA-256") {
    const TempDirectory directory;
    using Words = std::vector<std::string>;
    const Words ec = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"}, rsa = {"-newkey", "rsa:2048"};
    const std::vector<std::pair<Words, std::string>> cases = {
        {{"-sha1"}, "sha256sum"}, {{"-sha256"}, "sha256sum"}, {{"-sha384"}, "sha384sum"}, {{"-sha512"}, "sha512sum"}};
    for (const auto& [hash, tool] : cases) {
        const Words pss = {"-sigopt", "rsa_padding_mode:pss"};
        for (const auto& [key, more] : {std::pair{ec, Words{}}, std::pair{rsa, Words{}}, std::pair{rsa, pss}}) {
            Words how = key;
            how.insert(how.end(), hash.begin(), hash.end());
            how.insert(how.end(), more.begin(), more.end());
            CAPTURE(how);
            const Made made = certificate_by(directory, how);
            CHECK(buzon::digest::encode_hex(end_point_of(made.pem)) == by_tool(tool, made.der));
        }
    }
    // RFC 5929 leaves it undefined for a signature without a hash.
    CHECK(end_point_of(certificate_by(directory, {"-newkey", "ed25519"}).pem).empty());
}

TEST_CASE("the first certificate in a file counts, whatever surrounds it and whatever its line ends are") {
    const TempDirectory directory;
    const Made one = certificate_by(directory, {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"});
    const std::string hash = end_point_of(one.pem);
    const Made other = certificate_by(directory, {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"});
    REQUIRE(hash.size() == 32);
    CHECK(end_point_of(one.pem + other.pem) == hash);
    CHECK(end_point_of(other.pem + one.pem) != hash);
    std::string crlf;
    for (const char c : one.pem) crlf += c == '\n' ? "\r\n" : std::string{c};
    CHECK(end_point_of("a chain:\r\n" + read_whole(directory / "key") + crlf) == hash);
}

TEST_CASE("a truncated or invalid certificate has no channel binding") {
    const TempDirectory directory;
    const Made made = certificate_by(directory, {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"});
    for (std::size_t cut = 0; cut < made.pem.size() - 1; cut += 7)
        CHECK(end_point_of(std::string_view{made.pem}.substr(0, cut)).empty());
    for (std::size_t at = 0; at < made.pem.size(); ++at) {
        std::string changed = made.pem;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        (void)end_point_of(changed); // any result will do, but nothing may be read beyond the end
    }
    CHECK(end_point_of("-----BEGIN CERTIFICATE-----\nMIQ=\n-----END CERTIFICATE-----").empty());
    CHECK(end_point_of("-----BEGIN CERTIFICATE-----\nMIT/////\n-----END CERTIFICATE-----").empty());
}
