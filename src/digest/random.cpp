#include "buzon/digest/random.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

#include "buzon/digest/hex.h"
#include "buzon/digest/octets.h"

namespace buzon::digest {

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

std::string fresh_text() {
    constexpr std::size_t size = 16;
    static std::string stock; // random octets for 64 texts
    if (stock.empty()) stock = random_octets(64 * size);
    std::string text = encode_hex(std::string_view{stock}.substr(stock.size() - size));
    wipe(stock.data() + stock.size() - size, size);
    stock.resize(stock.size() - size);
    return text;
}

} // namespace buzon::digest
