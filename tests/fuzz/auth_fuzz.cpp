// Any octets as the client's messages in AUTH, in base64 and raw, and for the parsers of base64 and SCRAM credentials.
#include <algorithm>

#include "buzon/auth/scram_credentials.h"
#include "buzon/digest/base64.h"
#include "pop3_peer.h"

namespace {

using buzon::fuzz::require;

// Whatever decodes must encode to the same text again: each value has one spelling.
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

    // Each line of the input is a message: sent in base64, so that the fuzzer need not learn that, and as it is.
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
