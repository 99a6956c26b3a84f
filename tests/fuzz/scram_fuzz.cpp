// Every mechanism copes with any messages, and lets in nobody who does not know the password. The input is split into
// messages at 0x0a; its first octet chooses the mechanism and whether there is an initial response.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "buzon/auth/digest_login.h"
#include "buzon/auth/sasl.h"

using namespace buzon::auth;

namespace {

constexpr Mechanism mechanisms[] = {Mechanism::plain, Mechanism::login, Mechanism::cram_md5, Mechanism::scram_sha_256};

std::string_view take_message(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    const std::string_view message = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    return message;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // One iteration is enough: the exchange derives nothing, it only verifies proofs.
    static const ScramCredentials credentials = derive_scram("a password no input holds: 8Wq7#", "salt", 1);
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    static_cast<void>(parse_scram_credentials(rest));
    if (rest.empty()) return 0;
    const auto choice = static_cast<unsigned char>(rest[0]);
    rest.remove_prefix(1);
    Exchange exchange{mechanisms[choice % 4], "abc", "host"};
    Step step = choice & 4 ? exchange.begin(take_message(rest)) : exchange.begin(std::nullopt);
    for (;;) {
        if (std::holds_alternative<NeedCredentials>(step))
            step = exchange.supply(credentials, true);
        else if (std::holds_alternative<Challenge>(step) && !rest.empty())
            step = exchange.next(take_message(rest));
        else
            break;
    }
    if (std::holds_alternative<Proven>(step) || std::holds_alternative<Accepted>(step)) std::abort();
    if (const auto* check = std::get_if<CheckDigest>(&step)) static_cast<void>(digest_matches(*check, "secret"));
    if (const auto* check = std::get_if<CheckPlain>(&step); check && (check->user.empty() || check->password.empty()))
        std::abort();
    return 0;
}
