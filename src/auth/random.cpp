#include "buzon/auth/random.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace buzon::auth {

std::string random_octets(std::size_t count) {
    std::string octets(count, '\0');
    std::size_t filled = 0;
    while (filled < count) {
        const ssize_t n = ::getrandom(octets.data() + filled, count - filled, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw std::system_error{errno, std::system_category(), "getrandom"};
        filled += static_cast<std::size_t>(n);
    }
    return octets;
}

} // namespace buzon::auth
