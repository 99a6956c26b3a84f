// Any octets as the messages of an AUTH exchange, in base64 and raw, and as the answers of a session in AUTH.
#include <algorithm>

#include "buzon/auth/scram_credentials.h"
#include "buzon/digest/base64.h"
#include "pop3_peer.h"

namespace {

using buzon::fuzz::require;

// What decodes is encoded to the same text again: one spelling for every value.
void check_base64(std::string_view text) {
    const auto octets = buzon::digest::decode_base64(text);
    if (octets) require(buzon::digest::encode_base64(*octets) == text);
    require(buzon::digest::decode_base64(buzon::digest::encode_base64(text)) == text);
}

void check_credentials(std::string_view text) {
    const auto parsed = buzon::auth::parse_scram_credentials(text);
    if (parsed.ok()) require(buzon::auth::parse_scram_credentials(buzon::auth::to_text(parsed.value())).ok());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace buzon;
    if (size < 1) return 0;
    const std::string_view octets{reinterpret_cast<const char*>(data) + 1, size - 1};
    check_base64(octets);
    check_credentials(octets);

    static const auto mail = fuzz::three_messages();
    pop3::Settings settings;
    settings.cram_md5 = settings.plain_secrets_known = settings.tokens = true;
    constexpr std::string_view mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"};
    const std::string begin = "AUTH " + std::string{mechanisms[data[0] % 4]};

    // Messages stand on lines of their own: encoded for us, so that the fuzzer need not learn base64, and as they are.
    fuzz::Pop3Peer encoded{settings, mail};
    fuzz::Pop3Peer raw{settings, mail};
    const bool initial = (data[0] & 4) != 0;
    encoded.feed(begin + (initial ? " " : "\r\n"));
    raw.feed(begin + (initial ? " " : "\r\n"));
    std::string_view rest = octets;
    for (int messages = 0; messages < 8; ++messages) {
        const std::string_view message = rest.substr(0, rest.find('\n'));
        encoded.feed(digest::encode_base64(message) + "\r\n");
        raw.feed(std::string{message} + "\r\n");
        if (message.size() == rest.size()) break;
        rest.remove_prefix(message.size() + 1);
    }
    return 0;
}
