// tests/fuzz/http_request_fuzz.cpp - any octets sent to the metrics listener, whole and in pieces: the same answers.
#include <cstdint>
#include <cstdlib>

#include "buzon/manage/http.h"

using namespace buzon::manage;

namespace {

std::string talk(std::string_view input, std::size_t piece) {
    HttpSession session{[] { return std::string{"page\n"}; }};
    std::string out;
    while (!input.empty() && !session.closing()) {
        const std::size_t taken = session.feed(input.substr(0, piece), out);
        if (taken == 0 || taken > input.size()) std::abort();
        input.remove_prefix(taken);
    }
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const std::string whole = talk(input, SIZE_MAX);
    if (!whole.empty() && !whole.starts_with("HTTP/1.1 ")) std::abort();
    if (talk(input, 1) != whole || talk(input, 7) != whole) std::abort();
    return 0;
}
