#include "buzon/auth/digest_login.h"

#include "buzon/digest/hex.h"
#include "buzon/digest/hmac.h"

namespace buzon::auth {
using namespace digest;
namespace {

bool agrees(const Md5::Digest& expected, std::string_view digest) {
    const auto sent = decode_hex(digest);
    return sent && equal_in_constant_time(octets(expected), *sent);
}

} // namespace

bool apop_matches(std::string_view timestamp, const std::optional<std::string>& clear_password,
                  std::string_view digest) {
    Md5 hash;
    hash.update(timestamp);
    hash.update(clear_password.value_or("nobody"));
    return agrees(hash.finish(), digest) && clear_password.has_value();
}

bool digest_matches(const CheckDigest& check, const std::optional<std::string>& clear_password) {
    return agrees(hmac_md5(clear_password.value_or("nobody"), check.challenge), check.digest) &&
           clear_password.has_value();
}

} // namespace buzon::auth
