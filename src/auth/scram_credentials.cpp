#include "buzon/auth/scram_credentials.h"

#include <algorithm>
#include <array>

#include "buzon/digest/base64.h"
#include "buzon/digest/hmac.h"
#include "buzon/digest/pbkdf2.h"
#include "buzon/line/number.h"

namespace buzon::auth {
using namespace digest;
namespace {

constexpr std::size_t salt_octets = 16;

bool read_key(std::string_view text, Sha256::Digest& key) {
    const auto decoded = decode_base64(text);
    if (!decoded || decoded->size() != key.size()) return false;
    std::copy(decoded->begin(), decoded->end(), key.begin());
    return true;
}

} // namespace

ScramCredentials derive_scram(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    std::string salted = pbkdf2_sha256(password, salt, iterations, Sha256::digest_octets);
    Sha256::Digest client_key = hmac_sha256(salted, "Client Key");
    ScramCredentials credentials{iterations, std::string{salt}, sha256(octets(client_key)),
                                 hmac_sha256(salted, "Server Key")};
    wipe(salted);
    wipe(client_key.data(), client_key.size());
    return credentials;
}

Parsed<ScramCredentials> parse_scram_credentials(std::string_view text) {
    std::array<std::string_view, 4> fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::size_t comma = text.find(',');
        if ((comma == text.npos) != (i + 1 == fields.size())) {
            return Wrong{"SCRAM-SHA-256 needs iterations,salt,storedkey,serverkey"};
        }
        fields[i] = text.substr(0, comma);
        if (comma != text.npos) text.remove_prefix(comma + 1);
    }
    ScramCredentials credentials;
    const auto iterations = line::parse_whole<std::uint32_t>(fields[0], min_scram_iterations, max_scram_iterations);
    if (!iterations) {
        return Wrong{"SCRAM-SHA-256 needs 4096 to 10000000 iterations"};
    }
    credentials.iterations = *iterations;
    auto salt = decode_base64(fields[1]);
    if (!salt || salt->empty()) return Wrong{"the salt of SCRAM-SHA-256 is not base64"};
    credentials.salt = std::move(*salt);
    if (!read_key(fields[2], credentials.stored_key))
        return Wrong{"the stored key of SCRAM-SHA-256 is not 32 octets in base64"};
    if (!read_key(fields[3], credentials.server_key))
        return Wrong{"the server key of SCRAM-SHA-256 is not 32 octets in base64"};
    return credentials;
}

std::string to_text(const ScramCredentials& credentials) {
    return std::to_string(credentials.iterations) + ',' + encode_base64(credentials.salt) + ',' +
           encode_base64(octets(credentials.stored_key)) + ',' + encode_base64(octets(credentials.server_key));
}

std::string scram_salt_for(std::string_view server_secret, std::string_view user) {
    return std::string{octets(hmac_sha256(server_secret, "salt of " + std::string{user}))}.substr(0, salt_octets);
}

ScramCredentials fake_scram_credentials(std::string_view server_secret, std::string_view user,
                                        std::uint32_t iterations) {
    // Digests without a known preimage, so that no client key hashes to this stored key.
    return {iterations, scram_salt_for(server_secret, user),
            hmac_sha256(server_secret, "stored key of " + std::string{user}),
            hmac_sha256(server_secret, "server key of " + std::string{user})};
}

} // namespace buzon::auth
