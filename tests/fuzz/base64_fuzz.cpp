// Base64 that is accepted is the only spelling of its value; base64 and hexadecimal round-trip; SASLprep is idempotent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "buzon/auth/saslprep.h"
#include "buzon/digest/base64.h"
#include "buzon/digest/hex.h"
#include "buzon/line/utf8.h"

using namespace buzon::auth;
using namespace buzon::digest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (const auto octets = decode_base64(text); octets && encode_base64(*octets) != text) std::abort();
    if (decode_base64(encode_base64(text)) != text) std::abort();
    if (decode_hex(encode_hex(text)) != text) std::abort();
    static_cast<void>(decode_hex(text));
    if (const auto prepared = saslprep(text)) {
        if (!buzon::line::is_utf8(text) || !buzon::line::is_utf8(*prepared) || saslprep(*prepared) != prepared)
            std::abort();
    }
    return 0;
}
