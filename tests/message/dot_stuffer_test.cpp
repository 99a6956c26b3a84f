#include "buzon/message/dot_stuffer.h"

#include <array>
#include <random>
#include <string>
#include <vector>

#include "../../src/message/wire_kernel.h"
#include "support/catch.h"

using namespace buzon::message;

namespace {

// The specification, octet by octet, in its plainest form: all the rest here is compared with it.
std::string wire_of(std::string_view stored) {
    std::string wire;
    bool line_start = true;
    char before = '\n';
    for (const char c : stored) {
        if (line_start && c == '.') wire += '.';
        if (c == '\n' && before != '\r') wire += '\r';
        wire += c;
        line_start = c == '\n';
        before = c;
    }
    if (!line_start) wire += "\r\n";
    return wire + ".\r\n";
}

// The mail that a client gets. Checks that the only closing line is at the end.
std::string received(std::string_view wire) {
    std::string mail;
    while (!wire.empty()) {
        const std::size_t end = wire.find("\r\n");
        REQUIRE(end != wire.npos);
        std::string_view line = wire.substr(0, end + 2);
        wire.remove_prefix(end + 2);
        if (line == ".\r\n") {
            CHECK(wire.empty());
            return mail;
        }
        if (line.front() == '.') line.remove_prefix(1);
        mail += line;
    }
    FAIL("no closing line");
    return mail;
}

std::string stuffed(std::string_view stored) {
    DotStuffer stuffer;
    std::string wire;
    stuffer.feed(stored, wire);
    stuffer.finish(wire);
    return wire;
}

std::uint64_t counted(std::string_view stored) {
    OctetCounter counter;
    counter.feed(stored);
    return counter.finish();
}

// Mails made of difficult octets, from only special ones to mostly text.
std::string random_mail(std::mt19937& random, std::size_t size) {
    const auto text_in_8 = random() % 9;
    std::string mail;
    while (mail.size() < size) {
        if (random() % 8 < text_in_8)
            mail.append(random() % 40, static_cast<char>('a' + random() % 26));
        else
            mail += std::string_view("\n\r.\0\n.\r\n", 8)[random() % 8];
    }
    mail.resize(size);
    return mail;
}

} // namespace

TEST_CASE("small difficult mails have the right wire form") {
    using namespace std::string_literals;
    CHECK(stuffed("") == ".\r\n");
    CHECK(stuffed("a") == "a\r\n.\r\n");
    CHECK(stuffed("a\n") == "a\r\n.\r\n");
    CHECK(stuffed("a\r\n") == "a\r\n.\r\n");
    CHECK(stuffed(".") == "..\r\n.\r\n");
    CHECK(stuffed(".\n.\r\n..\n") == "..\r\n..\r\n...\r\n.\r\n");
    CHECK(stuffed("\n") == "\r\n.\r\n");
    CHECK(stuffed("\r") == "\r\r\n.\r\n");
    CHECK(stuffed("a\r") == "a\r\r\n.\r\n");
    CHECK(stuffed("\r\r\n") == "\r\r\n.\r\n");
    CHECK(stuffed("a\rb\n") == "a\rb\r\n.\r\n");
    CHECK(stuffed("a\r.\n") == "a\r.\r\n.\r\n");
    CHECK(stuffed("\0\n\0"s) == "\0\r\n\0\r\n.\r\n"s);
    CHECK(stuffed("\n\n.") == "\r\n\r\n..\r\n.\r\n");
}

TEST_CASE("the octets of small difficult mails are counted correctly") {
    CHECK(counted("") == 0);
    CHECK(counted("a") == 3);
    CHECK(counted("a\n") == 3);
    CHECK(counted("a\r\n") == 3);
    CHECK(counted(".\n") == 3);
    CHECK(counted("\r") == 3);
    CHECK(counted("a\r") == 4);
    CHECK(counted("\n\r\n\n") == 6);
    CHECK(counted("a\nb\r\nc") == 9);
}

TEST_CASE("only a mail of whole CRLF lines without leading dots may be sent as it is stored") {
    const auto wire_form = [](std::string_view stored) {
        OctetCounter counter;
        counter.feed(stored);
        return counter.wire_form();
    };
    CHECK(wire_form(""));
    CHECK(wire_form("a\r\n"));
    CHECK(wire_form("a.\r\nb\r\n"));
    CHECK(wire_form("a\rb\r\n"));
    CHECK_FALSE(wire_form("a"));
    CHECK_FALSE(wire_form("a\n"));
    CHECK_FALSE(wire_form("a\r\nb\n"));
    CHECK_FALSE(wire_form("a\r\n.b\r\n"));
    CHECK_FALSE(wire_form(".\r\n"));
    CHECK_FALSE(wire_form("a\r\nb\r"));
}

TEST_CASE("a mail reaches the wire the same wherever the input is cut") {
    const std::string stored = "\r\n.a\r\n..\n\r\r\n.\na\r.\n.";
    for (std::size_t first = 0; first <= stored.size(); ++first)
        for (std::size_t second = first; second <= stored.size(); ++second) {
            DotStuffer stuffer;
            OctetCounter counter;
            std::string wire;
            for (const auto& piece :
                 {stored.substr(0, first), stored.substr(first, second - first), stored.substr(second)}) {
                stuffer.feed(piece, wire);
                counter.feed(piece);
            }
            stuffer.finish(wire);
            CHECK(wire == wire_of(stored));
            CHECK(counter.finish() == received(wire).size());
            CHECK(counter.stored_size() == stored.size());
        }
}

TEST_CASE("the octets counted are those that arrive, for random mails of lengths around every block and buffer") {
    std::mt19937 random{1};
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size <= 200; ++size) sizes.push_back(size);
    for (const std::size_t edge : {255u * 16, 255u * 32, 8u * 1024, 64u * 1024})
        for (std::size_t size = edge - 36; size <= edge + 36; ++size) sizes.push_back(size);
    for (const std::size_t size : sizes) {
        const std::string stored = random_mail(random, size);
        const std::string wire = stuffed(stored);
        CHECK(wire == wire_of(stored));
        CHECK(counted(stored) == received(wire).size());
        OctetCounter counter;
        counter.feed(stored);
        CHECK(counter.wire_form() == (wire == stored + ".\r\n"));
    }
}

TEST_CASE("both wire kernels agree with octet-by-octet processing, at every alignment and with any room") {
    std::mt19937 random{2};
    for (const WireKernel& kernel : {wire_kernel, wire_portable}) {
        INFO(kernel.name);
        for (int round = 0; round < 3000; ++round) {
            const std::string text = "\n" + random_mail(random, random() % 400);
            const std::size_t skipped = 1 + random() % text.size();
            const std::string_view stored = std::string_view{text}.substr(skipped);

            WireCounts plain, counts;
            wire_portable.count(stored.data(), stored.size(), plain);
            kernel.count(stored.data(), stored.size(), counts);
            CHECK(std::array{counts.line_feeds, counts.crlfs, counts.leading_dots} ==
                  std::array{plain.line_feeds, plain.crlfs, plain.leading_dots});

            std::vector<char> expected(random() % 500), made(expected.size()); // exact, so that ASan sees an overrun
            char expected_last = text[skipped - 1], last = expected_last;
            WireCursor cursor{stored.data(), stored.data() + stored.size(), expected.data(),
                              expected.data() + expected.size(), expected_last};
            cursor.step(stored.size());
            const DotStuffer::Progress progress = kernel.stuff(stored, made, last);
            const auto expected_taken = static_cast<std::size_t>(cursor.in - stored.data());
            const auto expected_made = static_cast<std::size_t>(cursor.out - expected.data());
            REQUIRE(progress.taken == expected_taken);
            REQUIRE(progress.made == expected_made);
            CHECK(last == cursor.last);
            CHECK(std::string_view(made.data(), progress.made) == std::string_view(expected.data(), expected_made));
        }
    }
}

TEST_CASE("stuffing with little room goes on where it stopped") {
    const std::string stored = ".a\n\n..\r\nb\r\r\n.c";
    for (std::size_t room = 2; room <= 20; ++room) {
        DotStuffer stuffer;
        std::string wire;
        std::string_view rest = stored;
        while (!rest.empty()) {
            const std::size_t before = wire.size();
            const std::size_t taken = stuffer.feed_some(rest, wire, room);
            REQUIRE(taken > 0);
            REQUIRE(wire.size() - before <= room);
            rest.remove_prefix(taken);
        }
        stuffer.finish(wire);
        CHECK(wire == wire_of(stored));
    }
    DotStuffer stuffer;
    std::string wire;
    CHECK(stuffer.feed_some("abc", wire, 0) == 0);
    CHECK(stuffer.feed_some(".", wire, 1) == 0);
    CHECK(stuffer.feed_some("a.", wire, 1) == 1);
    CHECK(wire == "a");
}

TEST_CASE("finish() needs no more room than it says, and leaves the stuffer ready for another mail") {
    DotStuffer stuffer;
    for (const char* stored : {"", "a", "a\n", "\r", "."}) {
        std::string wire;
        stuffer.feed(stored, wire);
        const std::size_t before = wire.size();
        stuffer.finish(wire);
        CHECK(wire.size() - before <= DotStuffer::finish_room);
        CHECK(wire == wire_of(stored));
    }
}

namespace {

std::string top(std::string_view stored, std::uint64_t lines, std::size_t piece) {
    TopCutter cutter{lines};
    std::string answer;
    while (!stored.empty() && !cutter.done()) {
        const std::string_view now = stored.substr(0, piece);
        const std::size_t wanted = cutter.feed(now);
        answer += now.substr(0, wanted);
        if (wanted < now.size()) CHECK(cutter.done());
        stored.remove_prefix(now.size());
    }
    return answer;
}

} // namespace

TEST_CASE("TOP gives the headers, the blank line and the requested lines, however the mail is cut") {
    struct Row {
        std::string_view stored;
        std::uint64_t lines;
        std::string_view answer;
    };
    const Row rows[] = {
        {"A: 1\nB: 2\n\none\ntwo\nthree\n", 0, "A: 1\nB: 2\n\n"},
        {"A: 1\nB: 2\n\none\ntwo\nthree\n", 2, "A: 1\nB: 2\n\none\ntwo\n"},
        {"A: 1\r\n\r\none\r\ntwo\r\n", 1, "A: 1\r\n\r\none\r\n"},
        {"A: 1\n\r\none\r\ntwo\n", 1, "A: 1\n\r\none\r\n"},
        {"A: 1\n\n\n\nx\n", 2, "A: 1\n\n\n\n"},
        {"A: 1\n\none\ntwo", 9, "A: 1\n\none\ntwo"},
        {"A: 1\n\none\ntwo", 2, "A: 1\n\none\ntwo"},
        {"A: 1\nB: 2\n", 5, "A: 1\nB: 2\n"},
        {"no header end", 0, "no header end"},
        {"\nbody\n", 0, "\n"},
        {"\r\nbody\n", 0, "\r\n"},
        {"\r\r\nstill: header\n\nbody\n", 0, "\r\r\nstill: header\n\n"},
        {"A: 1\n\rx\n\nbody\n", 0, "A: 1\n\rx\n\n"},
        {"A: 1\n\nbody\r\rmore\nnext\n", 1, "A: 1\n\nbody\r\rmore\n"},
        {"", 3, ""},
        {"A: 1\n\nx", UINT64_MAX, "A: 1\n\nx"},
    };
    for (const Row& row : rows)
        for (std::size_t piece = 1; piece <= row.stored.size() + 1; ++piece)
            CHECK(top(row.stored, row.lines, piece) == row.answer);
}

TEST_CASE("a TopCutter that is done takes nothing more") {
    TopCutter cutter{0};
    CHECK(cutter.feed("A: 1\n\nbody") == 6);
    CHECK(cutter.done());
    CHECK(cutter.feed("more") == 0);
}
