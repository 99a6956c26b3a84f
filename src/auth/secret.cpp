#include "buzon/auth/secret.h"

#include <algorithm>

#include "buzon/auth/saslprep.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/hex.h"
#include "buzon/digest/octets.h"
#include "buzon/line/command_line.h"
#include "crypt_hash.h"
#include "foreign_hash.h"
#include "scheme.h"

namespace buzon::auth {
using namespace digest;
namespace {

bool is_locked_hash(std::string_view hash) noexcept {
    return hash.empty() || hash == "x" || hash[0] == '*' || hash[0] == '!';
}

// The name of a scheme, to show in an error, if it looks like one: in capitals, like Dovecot's. Any other text in
// braces may be the start of a password, and is not shown.
std::string called(std::string_view scheme) {
    const auto usual = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
    const bool shown = !scheme.empty() && scheme.size() <= 24 && scheme[0] >= 'A' && scheme[0] <= 'Z' &&
                       std::all_of(scheme.begin(), scheme.end(), usual);
    return shown ? " {" + std::string{scheme} + '}' : std::string{};
}

struct Labelled {
    SchemeRow scheme;
    std::string secret; // decoded, if the label names an encoding
};

// The start of an error message.
std::string in(const SchemeRow& scheme) {
    return '{' + std::string{scheme.name} + "}: ";
}

// Separates `{SCHEME}` or `{SCHEME.ending}` from what follows.
Parsed<Labelled> read_label(std::string_view text) {
    if (!text.starts_with('{')) return Labelled{find_scheme("CRYPT").value(), std::string{text}};
    const std::size_t end = text.find('}');
    if (end == text.npos) return Wrong{"missing '}' after the scheme"};
    std::string_view label = text.substr(1, end - 1);
    const std::string_view secret = text.substr(end + 1);
    std::string_view ending;
    if (const std::size_t dot = label.find('.'); dot != label.npos) {
        ending = label.substr(dot + 1);
        label = label.substr(0, dot);
    }
    const auto scheme = find_scheme(label);
    if (!scheme) return Wrong{"unknown password scheme" + called(label)};
    const bool one_digest = scheme->scheme == Scheme::digest;
    if (ending.data() == nullptr) {
        if (!one_digest && scheme->scheme != Scheme::salted_digest) return Labelled{*scheme, std::string{secret}};
        // Dovecot tells the two encodings of a digest apart by their lengths.
        ending = one_digest && secret.size() == 2 * octets_of(scheme->hash) ? "hex" : "b64";
    }
    std::optional<std::string> decoded;
    if (line::equals_ignoring_case(ending, "b64") || line::equals_ignoring_case(ending, "base64"))
        decoded = decode_base64(secret);
    else if (line::equals_ignoring_case(ending, "hex"))
        decoded = decode_hex(secret);
    else
        return Wrong{in(*scheme) + "unknown encoding of a password scheme"};
    if (!decoded) return Wrong{in(*scheme) + "the secret is not in the encoding given by its scheme"};
    return Labelled{*scheme, std::move(*decoded)};
}

// A password after SASLprep, if it can be prepared.
struct Prepared {
    explicit Prepared(std::string_view password) : text{saslprep(password)} {}
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    ~Prepared() {
        if (text) wipe(*text);
    }
    std::optional<std::string> text;
};

bool plain_matches(std::string_view stored, std::string_view password) {
    if (equal_in_constant_time(stored, password)) return true;
    // RFC 4616 section 2: compare both sides prepared. If either cannot be prepared, only the comparison above counts.
    const Prepared a{stored};
    const Prepared b{password};
    return a.text && b.text && !b.text->empty() && equal_in_constant_time(*a.text, *b.text);
}

bool scram_matches(const ScramCredentials& stored, std::string_view password) {
    const auto opens = [&stored](std::string_view candidate) {
        const ScramCredentials made = derive_scram(candidate, stored.salt, stored.iterations);
        return equal_in_constant_time(octets(made.stored_key), octets(stored.stored_key));
    };
    const Prepared prepared{password};
    if (prepared.text && opens(*prepared.text)) return true;
    // Dovecot stores unprepared passwords. For ASCII both are the same, and only one is tried.
    return prepared.text != password && opens(password);
}

} // namespace

template <class Hash>
Parsed<Secret> Secret::kept(const SchemeRow& scheme, Parsed<Hash> parsed) {
    if (!parsed) return Wrong{in(scheme) + parsed.why()};
    return Secret{std::make_shared<const Hash>(std::move(parsed).value())};
}

Parsed<Secret> Secret::parse(std::string_view text) {
    auto labelled = read_label(text);
    if (!labelled) return Wrong{labelled.why()};
    auto& [scheme, secret] = labelled.value();
    switch (scheme.scheme) {
    case Scheme::plain:
        if (secret.empty()) return Wrong{in(scheme) + "the password is empty"};
        return Secret{Plain{std::move(secret)}};
    case Scheme::scram_sha_256: {
        auto credentials = parse_scram_credentials(secret);
        if (!credentials) return Wrong{in(scheme) + credentials.why()};
        return Secret{std::move(credentials).value()};
    }
    case Scheme::digest:
    case Scheme::salted_digest:
        return kept(scheme, SaltedDigest::from(scheme.hash, scheme.scheme == Scheme::salted_digest, std::move(secret)));
    case Scheme::pbkdf2: return kept(scheme, SlowSha1::from_pbkdf2(secret));
    case Scheme::scram_sha_1: return kept(scheme, SlowSha1::from_scram(secret));
    case Scheme::crypt: break;
    }
    if (is_locked_hash(secret)) return Secret{Locked{}};
    if (!is_crypt_hash(secret) || !secret.starts_with(scheme.hash_begins)) {
        return Wrong{text.starts_with('{')
                         ? in(scheme) + "the secret is not a hash that crypt(3) accepts for this scheme"
                         : "the secret is not a hash that crypt(3) accepts; a plain password needs {PLAIN}"};
    }
    return Secret{Crypt{std::move(secret)}};
}

std::string fault_of_secret(std::string_view text) {
    return Secret::parse(text).why();
}

const std::string* Secret::plain() const noexcept {
    const Plain* plain = std::get_if<Plain>(&kind_);
    return plain ? &plain->password : nullptr;
}

const ScramCredentials* Secret::scram() const noexcept {
    return std::get_if<ScramCredentials>(&kind_);
}

bool Secret::is_locked() const noexcept {
    return std::holds_alternative<Locked>(kind_);
}

std::uint64_t Secret::cost() const noexcept {
    if (const auto* crypt = std::get_if<Crypt>(&kind_)) return cost_of_crypt(crypt->hash);
    if (const auto* credentials = scram()) return credentials->iterations;
    if (const auto* slow = std::get_if<std::shared_ptr<const SlowSha1>>(&kind_)) return (*slow)->iterations;
    return 0;
}

SecretFacts Secret::facts() const noexcept {
    const ScramCredentials* const stored = scram();
    return {plain() != nullptr, stored != nullptr, is_locked(), stored ? stored->iterations : 0, cost()};
}

bool Secret::verify(std::string_view password) const {
    if (password.empty() || password.find('\0') != password.npos) return false;
    if (const std::string* stored = plain()) return plain_matches(*stored, password);
    if (const auto* crypt = std::get_if<Crypt>(&kind_)) return crypt_matches(crypt->hash, password);
    if (const auto* credentials = scram()) return scram_matches(*credentials, password);
    if (const auto* digest = std::get_if<std::shared_ptr<const SaltedDigest>>(&kind_))
        return (*digest)->matches(password);
    if (const auto* slow = std::get_if<std::shared_ptr<const SlowSha1>>(&kind_)) return (*slow)->matches(password);
    return false;
}

std::string Secret::decoy() const {
    if (const auto* credentials = scram()) {
        ScramCredentials closed = *credentials;
        closed.stored_key.fill(0);
        closed.server_key.fill(0);
        return "{SCRAM-SHA-256}" + to_text(closed);
    }
    if (const auto* slow = std::get_if<std::shared_ptr<const SlowSha1>>(&kind_)) return (*slow)->decoy();
    const auto* crypt = std::get_if<Crypt>(&kind_);
    if (!crypt) return "{PLAIN.hex}00"; // never equal: verify() refuses a NUL
    // Every method puts its salt first, followed by at least eleven digits of hash.
    std::string hash = crypt->hash;
    std::fill(hash.end() - 11, hash.end(), '.');
    return "{CRYPT}" + hash;
}

} // namespace buzon::auth
