#include "buzon/filter/held_output.h"

#include <algorithm>
#include <string>

#include "support/catch.h"

using buzon::filter::HeldOutput;

namespace {

std::string text_of(std::size_t octets) {
    std::string text(octets, 'x');
    for (std::size_t i = 0; i < octets; ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

// Fills it in pieces, as from a pipe, while it is holding. Returns what was not taken.
std::string_view feed(HeldOutput& held, std::string_view text, std::size_t piece) {
    while (held.holding() && !text.empty()) {
        const std::span<char> room = held.room();
        REQUIRE_FALSE(room.empty());
        const std::size_t n = std::min({room.size(), piece, text.size()});
        std::copy_n(text.begin(), n, room.begin());
        held.filled(n);
        text.remove_prefix(n);
    }
    return text;
}

} // namespace

TEST_CASE("output up to the limit is held, and one octet more releases it, wherever the pieces end") {
    const std::size_t limit = GENERATE(values<std::size_t>({0, 1, 2, 100, 8191, 8192, 8193, 65536}));
    const std::size_t piece = GENERATE(values<std::size_t>({1, 7, 4096, 1 << 20}));
    if (piece == 1 && limit > 10'000) return;

    HeldOutput small{limit};
    CHECK(feed(small, text_of(limit), piece).empty());
    CHECK(small.holding());
    CHECK(small.size() == limit);
    CHECK(small.take() == text_of(limit));

    HeldOutput large{limit};
    const std::string text = text_of(limit + 1);
    CHECK(feed(large, text, piece).empty());
    CHECK_FALSE(large.holding());
    CHECK(large.take() == text);
}

TEST_CASE("whatever the size, the held beginning and the rest add up to the output") {
    for (std::size_t size = 0; size < 300; ++size) {
        HeldOutput held{100};
        const std::string text = text_of(size);
        const std::string_view rest = feed(held, text, 64);
        CHECK(held.holding() == (size <= 100));
        const std::string beginning = held.take();
        CHECK(beginning.size() <= 101);
        CHECK(beginning + std::string{rest} == text);
    }
}

TEST_CASE("without output, the held message is empty") {
    HeldOutput held{100};
    CHECK(held.holding());
    CHECK(held.take().empty());
}
