#include "buzon/files/certificate.h"

#include <array>
#include <optional>

#include "buzon/digest/base64.h"
#include "buzon/digest/octets.h"
#include "buzon/digest/sha2.h"

namespace buzon::files {
namespace {

constexpr char sequence = 0x30, object = 0x06, parameter_0 = char(0xa0);

// The content of the next DER value (ITU-T X.690), if it has this tag. The value is removed from `rest`.
std::optional<std::string_view> take_value(std::string_view& rest, char tag) {
    if (rest.size() < 2 || rest[0] != tag) return std::nullopt;
    std::size_t length = static_cast<unsigned char>(rest[1]), head = 2;
    if (length >= 0x80) {
        const std::size_t digits = length - 0x80;
        if (digits == 0 || digits > 3 || rest.size() < head + digits) return std::nullopt;
        length = 0;
        for (; head < 2 + digits; ++head) length = length << 8 | static_cast<unsigned char>(rest[head]);
    }
    if (rest.size() - head < length) return std::nullopt;
    const std::string_view content = rest.substr(head, length);
    rest.remove_prefix(head + length);
    return content;
}

enum class Hash { none, sha256, sha384, sha512 };
struct Signature {
    std::string_view object; // encoded
    Hash hash;
};
using namespace std::literals;
// MD5 and SHA-1 count as SHA-256.
constexpr std::array signatures = {
    Signature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"sv, Hash::sha256}, // md5WithRSAEncryption
    Signature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"sv, Hash::sha256}, // sha1WithRSAEncryption
    Signature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"sv, Hash::sha256}, // sha256WithRSAEncryption
    Signature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"sv, Hash::sha384}, // sha384WithRSAEncryption
    Signature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"sv, Hash::sha512}, // sha512WithRSAEncryption
    Signature{"\x2a\x86\x48\xce\x3d\x04\x01"sv, Hash::sha256},         // ecdsa-with-SHA1
    Signature{"\x2a\x86\x48\xce\x3d\x04\x03\x02"sv, Hash::sha256},     // ecdsa-with-SHA256
    Signature{"\x2a\x86\x48\xce\x3d\x04\x03\x03"sv, Hash::sha384},     // ecdsa-with-SHA384
    Signature{"\x2a\x86\x48\xce\x3d\x04\x03\x04"sv, Hash::sha512},     // ecdsa-with-SHA512
    // For RSASSA-PSS, whose parameters name the hash.
    Signature{"\x2b\x0e\x03\x02\x1a"sv, Hash::sha256},                 // SHA-1
    Signature{"\x60\x86\x48\x01\x65\x03\x04\x02\x01"sv, Hash::sha256}, // SHA-256
    Signature{"\x60\x86\x48\x01\x65\x03\x04\x02\x02"sv, Hash::sha384}, // SHA-384
    Signature{"\x60\x86\x48\x01\x65\x03\x04\x02\x03"sv, Hash::sha512}, // SHA-512
};
constexpr std::string_view rsassa_pss = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv;

// `algorithm`: the content of an AlgorithmIdentifier.
Hash hash_of(std::string_view algorithm) {
    const auto name = take_value(algorithm, object);
    if (!name) return Hash::none;
    if (*name == rsassa_pss) {
        auto parameters = take_value(algorithm, sequence);
        auto hash = parameters ? take_value(*parameters, parameter_0) : std::nullopt;
        if (!hash) return parameters ? Hash::sha256 : Hash::none; // the default is SHA-1
        const auto inner = take_value(*hash, sequence);
        return inner ? hash_of(*inner) : Hash::none;
    }
    for (const Signature& one : signatures)
        if (one.object == *name) return one.hash;
    return Hash::none;
}

std::string first_certificate(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----", end = "-----END CERTIFICATE-----";
    const std::size_t from = pem.find(begin);
    const std::size_t to = from == pem.npos ? from : pem.find(end, from);
    if (to == pem.npos) return {};
    std::string text;
    for (const char c : pem.substr(from + begin.size(), to - from - begin.size()))
        if (std::string_view{" \t\r\n"}.find(c) == std::string_view::npos) text += c;
    return digest::decode_base64(text).value_or(std::string{});
}

} // namespace

std::string end_point_of(std::string_view pem) {
    const std::string certificate = first_certificate(pem);
    std::string_view rest = certificate;
    auto whole = take_value(rest, sequence);
    if (!whole || !take_value(*whole, sequence)) return {};
    const auto algorithm = take_value(*whole, sequence);
    if (!algorithm) return {};
    switch (hash_of(*algorithm)) {
    case Hash::sha256: return std::string{digest::octets(digest::sha256(certificate))};
    case Hash::sha384: return std::string{digest::octets(digest::sha384(certificate))};
    case Hash::sha512: {
        digest::Sha512 hash;
        hash.update(certificate);
        return std::string{digest::octets(hash.finish())};
    }
    case Hash::none: break;
    }
    return {};
}

} // namespace buzon::files
