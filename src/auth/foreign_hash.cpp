#include "foreign_hash.h"

#include <array>

#include "buzon/auth/scram_credentials.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/hex.h"
#include "buzon/digest/hmac.h"
#include "buzon/digest/pbkdf2.h"
#include "buzon/digest/sha1.h"
#include "buzon/digest/sha2.h"
#include "buzon/line/number.h"

namespace buzon::auth {
using namespace digest;
namespace {

template <class Hash>
bool agrees(const SaltedDigest& stored, std::string_view password) {
    Hash hash;
    hash.update(password);
    hash.update(stored.salt);
    const bool same = equal_in_constant_time(octets(hash.finish()), stored.digest);
    wipe(&hash, sizeof hash);
    return same;
}

std::string sha1_of(std::string_view text) {
    Sha1 hash;
    hash.update(text);
    return std::string{octets(hash.finish())};
}

std::string hmac_sha1(std::string_view key, std::string_view message) {
    Hmac<Sha1> keyed{key};
    keyed.update(message);
    return std::string{octets(keyed.finish())};
}

std::optional<std::uint32_t> iterations_in(std::string_view text) {
    return line::parse_whole<std::uint32_t>(text, 1, max_scram_iterations);
}

// Splits into exactly `count` fields.
template <std::size_t count>
bool split(std::string_view text, char at, std::array<std::string_view, count>& fields) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t end = text.find(at);
        if ((end == text.npos) != (i + 1 == count)) return false;
        fields[i] = text.substr(0, end);
        if (end != text.npos) text.remove_prefix(end + 1);
    }
    return true;
}

} // namespace

std::size_t octets_of(HashKind kind) noexcept {
    switch (kind) {
    case HashKind::md5: return Md5::digest_octets;
    case HashKind::sha1: return Sha1::digest_octets;
    case HashKind::sha256: return Sha256::digest_octets;
    case HashKind::sha512: break;
    }
    return Sha512::digest_octets;
}

Parsed<SaltedDigest> SaltedDigest::from(HashKind kind, bool salted, std::string octets) {
    const std::size_t size = octets_of(kind);
    if (salted ? octets.size() <= size : octets.size() != size) {
        return Wrong{"the secret is not " + std::to_string(size) + " octets" + (salted ? " and a salt" : "")};
    }
    return SaltedDigest{kind, octets.substr(0, size), octets.substr(size)};
}

bool SaltedDigest::matches(std::string_view password) const {
    switch (kind) {
    case HashKind::md5: return agrees<Md5>(*this, password);
    case HashKind::sha1: return agrees<Sha1>(*this, password);
    case HashKind::sha256: return agrees<Sha256>(*this, password);
    case HashKind::sha512: break;
    }
    return agrees<Sha512>(*this, password);
}

Parsed<SlowSha1> SlowSha1::from_pbkdf2(std::string_view text) {
    std::array<std::string_view, 5> fields;
    if (!split(text, '$', fields) || !fields[0].empty() || fields[1] != "1")
        return Wrong{"the secret is not $1$salt$rounds$hash"};
    const auto rounds = iterations_in(fields[3]);
    const auto key = decode_hex(fields[4]);
    if (!rounds) return Wrong{"the rounds are not a number from 1 to 10000000"};
    if (!key || key->size() != Sha1::digest_octets) return Wrong{"the hash is not 20 octets in hexadecimal"};
    return SlowSha1{*rounds, std::string{fields[2]}, *key, false};
}

Parsed<SlowSha1> SlowSha1::from_scram(std::string_view text) {
    std::array<std::string_view, 4> fields;
    if (!split(text, ',', fields)) return Wrong{"the secret is not iterations,salt,storedkey,serverkey"};
    const auto iterations = iterations_in(fields[0]);
    const auto salt = decode_base64(fields[1]);
    const auto stored = decode_base64(fields[2]);
    const auto server = decode_base64(fields[3]);
    if (!iterations) return Wrong{"the iterations are not a number from 1 to 10000000"};
    if (!salt || salt->empty()) return Wrong{"the salt is not base64"};
    if (!stored || stored->size() != Sha1::digest_octets || !server || server->size() != Sha1::digest_octets)
        return Wrong{"a key is not 20 octets in base64"};
    return SlowSha1{*iterations, *salt, *stored, true};
}

bool SlowSha1::matches(std::string_view password) const {
    std::string made = pbkdf2_sha1(password, salt, iterations, Sha1::digest_octets);
    if (scram) made = sha1_of(hmac_sha1(made, "Client Key"));
    return equal_in_constant_time(made, key);
}

std::string SlowSha1::decoy() const {
    const std::string nothing(Sha1::digest_octets, '\0');
    const std::string rounds = std::to_string(iterations);
    if (!scram) return "{PBKDF2}$1$" + salt + '$' + rounds + '$' + encode_hex(nothing);
    return "{SCRAM-SHA-1}" + rounds + ',' + encode_base64(salt) + ',' + encode_base64(nothing) + ',' +
           encode_base64(nothing);
}

} // namespace buzon::auth
