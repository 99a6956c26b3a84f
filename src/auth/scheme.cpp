#include "scheme.h"

#include "buzon/line/command_line.h"

namespace buzon::auth {
namespace {

constexpr SchemeRow schemes[] = {
    {"PLAIN", Scheme::plain, {}, nullptr},
    {"CLEAR", Scheme::plain, {}, nullptr},
    {"CLEARTEXT", Scheme::plain, {}, nullptr},
    {"CRYPT", Scheme::crypt, {}, nullptr},
    {"MD5-CRYPT", Scheme::crypt, "$1$", "$1$"},
    {"SHA256-CRYPT", Scheme::crypt, "$5$", "$5$"},
    {"SHA512-CRYPT", Scheme::crypt, "$6$", "$6$"},
    {"BLF-CRYPT", Scheme::crypt, "$2", "$2b$"},
    {"SCRAM-SHA-256", Scheme::scram_sha_256, {}, nullptr},
    {"SHA", Scheme::digest, {}, nullptr, HashKind::sha1},
    {"SHA1", Scheme::digest, {}, nullptr, HashKind::sha1},
    {"SHA256", Scheme::digest, {}, nullptr, HashKind::sha256},
    {"SHA512", Scheme::digest, {}, nullptr, HashKind::sha512},
    {"PLAIN-MD5", Scheme::digest, {}, nullptr, HashKind::md5},
    {"LDAP-MD5", Scheme::digest, {}, nullptr, HashKind::md5},
    {"SSHA", Scheme::salted_digest, {}, nullptr, HashKind::sha1},
    {"SSHA256", Scheme::salted_digest, {}, nullptr, HashKind::sha256},
    {"SSHA512", Scheme::salted_digest, {}, nullptr, HashKind::sha512},
    {"SMD5", Scheme::salted_digest, {}, nullptr, HashKind::md5},
    {"PBKDF2", Scheme::pbkdf2, {}, nullptr},
    {"SCRAM-SHA-1", Scheme::scram_sha_1, {}, nullptr},
};

} // namespace

std::optional<SchemeRow> find_scheme(std::string_view name) noexcept {
    for (const SchemeRow& row : schemes) {
        if (line::equals_ignoring_case(row.name, name)) return row;
    }
    return std::nullopt;
}

} // namespace buzon::auth
