#include "buzon/auth/make_secret.h"

#include <algorithm>

#include "buzon/auth/saslprep.h"
#include "buzon/auth/scram_credentials.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/random.h"
#include "buzon/line/utf8.h"
#include "buzon/posix/secret_text.h"
#include "crypt_hash.h"
#include "scheme.h"

namespace buzon::auth {
using namespace digest;
namespace {

std::string make_plain(const SchemeRow& scheme, std::string_view password) {
    const bool as_it_is = password.find(':') == password.npos && password.front() != ' ' && password.back() != ' ';
    if (as_it_is) return '{' + std::string{scheme.name} + '}' + std::string{password};
    return '{' + std::string{scheme.name} + ".b64}" + encode_base64(password);
}

Parsed<std::string> make_scram(std::string_view password, unsigned long rounds) {
    const unsigned long iterations = rounds == 0 ? min_scram_iterations : rounds;
    if (iterations < min_scram_iterations || iterations > max_scram_iterations) {
        return Wrong{"SCRAM-SHA-256 takes 4096 to 10000000 iterations"};
    }
    std::string prepared = saslprep(password).value_or(std::string{password});
    std::string secret =
        "{SCRAM-SHA-256}" + to_text(derive_scram(prepared, random_octets(16), static_cast<std::uint32_t>(iterations)));
    posix::wipe(prepared);
    return secret;
}

Parsed<std::string> make_crypt(const SchemeRow& scheme, std::string_view password, unsigned long rounds) {
    std::string hash = make_crypt_hash(scheme.new_hash ? scheme.new_hash : "$y$", password, rounds);
    if (hash.empty() && !scheme.new_hash) hash = make_crypt_hash("$6$", password, rounds);
    if (hash.empty()) return Wrong{"crypt(3) on this system cannot hash this password with this scheme"};
    return '{' + std::string{scheme.name} + '}' + hash;
}

bool holds_controls(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

} // namespace

Parsed<std::string> make_secret(std::string_view scheme_name, std::string_view password, unsigned long rounds) {
    const auto scheme = find_scheme(scheme_name);
    if (!scheme) return Wrong{"unknown password scheme"};
    if (!scheme->is_made()) return Wrong{"this password scheme cannot be used for new passwords"};
    if (password.empty()) return Wrong{"the password is empty"};
    if (!line::is_utf8(password)) return Wrong{"the password is not UTF-8"};
    if (holds_controls(password)) return Wrong{"the password contains control characters"};
    switch (scheme->scheme) {
    case Scheme::plain: return make_plain(*scheme, password);
    case Scheme::scram_sha_256: return make_scram(password, rounds);
    default: break;
    }
    return make_crypt(*scheme, password, rounds);
}

bool can_make_secret(std::string_view scheme_name) noexcept {
    const auto scheme = find_scheme(scheme_name);
    if (!scheme || !scheme->is_made()) return false;
    return scheme->scheme != Scheme::crypt || !scheme->new_hash || crypt_makes(scheme->new_hash);
}

} // namespace buzon::auth
