#include "octets.h"

#include <cstring>

namespace buzon::auth {

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    // volatile: a compiler may not see that the result is settled at the first difference.
    volatile unsigned char difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const int differs = static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
        difference = static_cast<unsigned char>(difference | differs);
    }
    return difference == 0;
}

void wipe(void* octets, std::size_t size) noexcept {
    if (size > 0) ::explicit_bzero(octets, size);
}

void wipe(std::string& secret) noexcept {
    wipe(secret.data(), secret.size());
    secret.clear();
}

} // namespace buzon::auth
