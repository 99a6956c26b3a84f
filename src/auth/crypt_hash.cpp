#include "crypt_hash.h"

#include <crypt.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "buzon/digest/octets.h"
#include "buzon/digest/random.h"

namespace buzon::auth {
using namespace digest;
namespace {

constexpr std::string_view crypt_digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// The work area of crypt_r(): 32 KiB that must be wiped, since it contained the password.
class Workspace {
public:
    ~Workspace() { wipe(data_.get(), sizeof(crypt_data)); }
    // The hash, or an empty text if crypt(3) cannot make it. Valid until the next call.
    std::string_view run(const char* password, const char* setting) noexcept {
        const char* hash = ::crypt_r(password, setting, data_.get());
        return hash == nullptr || *hash == '*' ? std::string_view{} : std::string_view{hash};
    }

private:
    std::unique_ptr<crypt_data> data_ = std::make_unique<crypt_data>();
};

bool starts_with_one_of(std::string_view text, std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [text](std::string_view p) { return text.starts_with(p); });
}

// According to crypt(5).
bool never_in_a_hash(char c) noexcept {
    return c <= ' ' || c > '~' || c == ':' || c == ';' || c == '*' || c == '!' || c == '\\';
}

// The number after "rounds=", or the default of the method.
std::uint64_t sha_rounds(std::string_view hash) noexcept {
    std::uint64_t rounds = 5000;
    hash.remove_prefix(3);
    if (hash.starts_with("rounds=")) std::from_chars(hash.data() + 7, hash.data() + hash.size(), rounds);
    return rounds;
}

// The logarithm of the cost, which $7$ and yescrypt write as the digit at `at`.
unsigned digit_at(std::string_view hash, std::size_t at) noexcept {
    const std::size_t value = at < hash.size() ? crypt_digits.find(hash[at]) : 0;
    return value == crypt_digits.npos ? 0 : static_cast<unsigned>(std::min<std::size_t>(value, 40));
}

unsigned bcrypt_logarithm(std::string_view hash) noexcept {
    unsigned logarithm = 0;
    if (hash.size() > 6) std::from_chars(hash.data() + 4, hash.data() + 6, logarithm);
    return std::min(logarithm, 31U);
}

} // namespace

bool is_crypt_hash(std::string_view text) {
    if (std::any_of(text.begin(), text.end(), never_in_a_hash)) return false;
    if (text.size() < 13 || text.size() >= CRYPT_OUTPUT_SIZE) return false; // DES has the shortest hash
    if (text[0] != '$' && text[0] != '_' && text.find_first_not_of(crypt_digits) != text.npos) return false;
#ifdef CRYPT_CHECKSALT_AVAILABLE
    return ::crypt_checksalt(std::string{text}.c_str()) != CRYPT_SALT_INVALID;
#else
    return true;
#endif
}

std::uint64_t cost_of_crypt(std::string_view hash) noexcept {
    constexpr std::uint64_t one = 1;
    if (starts_with_one_of(hash, {"$5$", "$6$"})) return sha_rounds(hash) / 2 + 1;
    if (hash.starts_with("$2")) return 60 * (one << bcrypt_logarithm(hash));
    if (hash.starts_with("$y$")) return 10 * (one << (digit_at(hash, 4) + 1));
    if (hash.starts_with("$gy$")) return 10 * (one << (digit_at(hash, 5) + 1));
    if (hash.starts_with("$7$")) return 10 * (one << digit_at(hash, 3));
    if (hash.starts_with("$1$")) return 500;
    return hash.starts_with('$') ? 10'000 : 100;
}

bool crypt_matches(const std::string& hash, std::string_view password) {
    if (password.find('\0') != password.npos) return false;
    std::string terminated{password};
    Workspace workspace;
    const std::string_view made = workspace.run(terminated.c_str(), hash.c_str());
    wipe(terminated);
    return !made.empty() && equal_in_constant_time(made, hash);
}

bool crypt_makes(const char* prefix) noexcept {
    constexpr char octets[32] = {}; // any value: the setting is not used
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    return ::crypt_gensalt_rn(prefix, 0, octets, sizeof octets, setting, sizeof setting) != nullptr;
}

std::string make_crypt_hash(const char* prefix, std::string_view password, unsigned long rounds) {
    const std::string random = random_octets(32);
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (::crypt_gensalt_rn(prefix, rounds, random.data(), static_cast<int>(random.size()), setting, sizeof setting) ==
        nullptr) {
        return {};
    }
    std::string terminated{password};
    Workspace workspace;
    std::string hash{workspace.run(terminated.c_str(), setting)};
    wipe(terminated);
    return hash;
}

} // namespace buzon::auth
