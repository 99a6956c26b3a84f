#include "buzon/digest/octets.h"

namespace buzon::digest {

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    // volatile keeps the compiler from stopping at the first difference.
    volatile unsigned char difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const int differs = static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
        difference = static_cast<unsigned char>(difference | differs);
    }
    return difference == 0;
}

} // namespace buzon::digest
